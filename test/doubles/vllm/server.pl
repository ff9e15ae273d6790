# vLLM's HTTP face in front of a llama-server that does the talking. One process a connection, closed after each answer.
use strict;
use warnings;

my $TALKER_SOCKET = '/tmp/talker.sock';

sub start_talker {
    my ($state, $parallel) = @_;
    my $speech = "$state->{model}/speech.dat";
    engine_dies("RuntimeError: Cannot find any model weights with `$state->{model}`") unless -r $speech;
    my $pid = fork() // die "fork: $!";
    return $pid if $pid;
    open(STDOUT, '>', '/tmp/talker.log');
    open(STDERR, '>&', \*STDOUT);
    my @pooling = ($state->{options}{runner} // '') eq 'pooling' || ($state->{options}{task} // '') =~ /^(embed|score)$/
        ? ($state->{architecture} =~ /SequenceClassification/ ? ('--rerank') : ('--embeddings'))
        : ();
    exec('llama-server', '--model', $speech, '--alias', $state->{names}[0], '--host', $TALKER_SOCKET, '--ctx-size',
        $state->{length} * $parallel, '--parallel', $parallel, '--threads', 1, '--threads-batch', 1, '--metrics', '--no-webui', '--offline', @pooling)
        or POSIX::_exit(127);
}

sub ask_talker {
    my ($path) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $TALKER_SOCKET) or return;
    syswrite($socket, "GET $path HTTP/1.1\r\nhost: talker\r\nconnection: close\r\n\r\n");
    local $/;
    my $answer = <$socket>;
    return unless defined $answer && $answer =~ m{^HTTP/1\.1 200};
    $answer =~ s/^.*?\r\n\r\n//s;
    return $answer;
}

sub wait_for_talker {
    my ($state, $pid) = @_;
    for (1 .. 6000) {
        return if defined ask_talker('/health');
        engine_dies('RuntimeError: the double could not speak: ' . (slurp('/tmp/talker.log') // '')) if waitpid($pid, WNOHANG) == $pid;
        select(undef, undef, undef, 0.02);
    }
    engine_dies('RuntimeError: the double was not ready in time');
}

sub serve {
    my ($state, $talker) = @_;
    my $options = $state->{options};
    my $listener = defined $options->{uds}
        ? IO::Socket::UNIX->new(Local => $options->{uds}, Listen => 128)
        : IO::Socket::INET->new(LocalAddr => $options->{host}, LocalPort => $options->{port}, Listen => 128, ReuseAddr => 1);
    api_dies('OSError: [Errno 98] Address already in use') unless $listener;
    api('api_server.py:2052', 'Starting vLLM server on ' . ($options->{uds} // "http://$options->{host}:$options->{port}"));
    for my $line ('Started server process [' . $$ . ']', 'Waiting for application startup.', 'Application startup complete.') {
        syswrite(STDERR, "(APIServer pid=$$) INFO:     $line\n");
    }
    if ($state->{failure} eq 'die-after-ready') {
        my $pid = fork() // 0;
        if ($pid == 0) { sleep 1; kill('TERM', getppid()); exit 0 }
    }
    $SIG{CHLD} = sub { while ((my $gone = waitpid(-1, WNOHANG)) > 0) { talker_died($state) if $gone == $talker } };
    while (1) {
        my $client = $listener->accept or next;
        my $pid = fork() // 0;
        if ($pid == 0) {
            $SIG{CHLD} = $SIG{TERM} = $SIG{INT} = 'DEFAULT';
            close $listener;
            answer($state, $client);
            POSIX::_exit(0);
        }
        close $client;
    }
}

sub talker_died {
    my ($state) = @_;
    say_line('APIServer', 'ERROR', 'async_llm.py:708', "AsyncLLM output_handler failed.\nvllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.");
    exit 1;
}

sub reply {
    my ($client, $status, $type, $body) = @_;
    my %words = (200 => 'OK', 400 => 'Bad Request', 401 => 'Unauthorized', 404 => 'Not Found', 500 => 'Internal Server Error', 503 => 'Service Unavailable');
    syswrite($client, "HTTP/1.1 $status $words{$status}\r\ncontent-type: $type\r\ncontent-length: " . length($body) . "\r\nconnection: close\r\n\r\n$body");
}

sub refusal {
    my ($client, $status, $type, $message) = @_;
    $message =~ s/"/\\"/g;
    reply($client, $status, 'application/json', "{\"error\":{\"message\":\"$message\",\"type\":\"$type\",\"param\":null,\"code\":$status}}");
}

sub answer {
    my ($state, $client) = @_;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($client, $head, 65536, length $head) or return }
    my ($method, $path) = $head =~ m{^(\S+) ([^ ?]+)};
    my ($length) = $head =~ /^content-length:\s*(\d+)/im;
    my $at = index($head, "\r\n\r\n") + 4;
    while (length($head) - $at < ($length // 0)) { sysread($client, $head, 65536, length $head) or return }
    my $body = substr($head, $at);
    my $failure = $state->{failure};

    sleep 1 while $failure eq 'hang-health';
    return reply($client, $failure eq 'sick' ? 503 : 200, 'text/plain', '') if $path =~ m{^/(health|ping)$};
    return reply($client, 200, 'application/json', "{\"version\":\"$state->{version}\"}") if $path eq '/version';
    return reply($client, 200, 'text/plain; version=0.0.4; charset=utf-8', metrics($state)) if $path eq '/metrics';
    if (defined $state->{key} && $path =~ m{^/v1/}) {
        my ($given) = $head =~ /^authorization:\s*Bearer\s+(\S+)/im;
        return reply($client, 401, 'application/json', '{"error":"Unauthorized"}') if !defined $given || $given ne $state->{key};
    }
    if ($path eq '/v1/models') {
        return refusal($client, 404, 'NotFoundError', 'Not Found') if $failure eq 'no-models';
        my @names = $failure eq 'wrong-model' ? ('somebody-else') : @{$state->{names}};
        my $cards = join(',', map { "{\"id\":\"$_\",\"object\":\"model\",\"created\":1763683200,\"owned_by\":\"vllm\",\"root\":\"$state->{model}\",\"parent\":null,\"max_model_len\":$state->{length},\"permission\":[]}" } @names);
        return reply($client, 200, 'application/json', "{\"object\":\"list\",\"data\":[$cards]}");
    }
    return refusal($client, 404, 'NotFoundError', 'Not Found')
        unless $path =~ m{^/v1/(chat/completions|completions|embeddings|rerank)$|^/(rerank|score|tokenize|detokenize)$};
    my ($named) = $body =~ /"model"\s*:\s*"([^"]*)"/;
    return refusal($client, 404, 'NotFoundError', "The model `$named` does not exist.")
        if defined $named && !grep { $_ eq $named } @{$state->{names}};
    return refusal($client, 500, 'InternalServerError', 'EngineCore encountered an issue. See stack trace (above) for the root cause.') if $failure eq 'no-compute';
    return refusal($client, 400, 'BadRequestError', 'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one.')
        if $failure eq 'chat-template' && $path =~ /chat/;
    engine_death($state) if $failure eq 'engine-dead' && $body =~ /die now/;
    pass_on($state, $client, $method, $path, $body);
}

# The engine's process is gone in the middle of a request: the server says so and ends.
sub engine_death {
    my ($state) = @_;
    say_line('EngineCore_DP0', 'ERROR', 'core.py:866', 'torch.AcceleratorError: CUDA error: an illegal memory access was encountered');
    kill('KILL', $state->{talker});
    sleep 5;
}

sub pass_on {
    my ($state, $client, $method, $path, $body) = @_;
    my $upstream = IO::Socket::UNIX->new(Peer => $TALKER_SOCKET) or return refusal($client, 500, 'InternalServerError', 'EngineDeadError');
    syswrite($upstream, "$method $path HTTP/1.1\r\nhost: talker\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: " . length($body) . "\r\n\r\n$body");
    my $select = IO::Select->new($upstream, $client);
    my ($chunks, $first) = (0, 1);
    while (1) {
        for my $ready ($select->can_read) {
            my $read = sysread($ready, my $data, 65536);
            # Whoever asked went away: llama-server notices that we do too.
            return if !$read;
            next if $ready == $client;
            if ($first && $data =~ m{^HTTP/1\.1 400} && $data =~ /exceed_context_size/) {
                my ($count) = $data =~ /"n_prompt_tokens":(\d+)/;
                return refusal($client, 400, 'BadRequestError', "This model's maximum context length is $state->{length} tokens. However, you requested " . ($count // 0) . " tokens in the messages, Please reduce the length of the messages.");
            }
            $data =~ s/^(HTTP[^\r]*\r\n)/$1connection: close\r\n/ if $first && $data !~ /^connection:/im;
            $first = 0;
            syswrite($client, $data);
            $chunks += 1;
            sleep 1 while $chunks >= 3 && $state->{failure} eq 'hang-stream' && $body =~ /"stream"\s*:\s*true/;
        }
    }
}

# llama-server's figures under vLLM's names.
sub metrics {
    my ($state) = @_;
    my $text = ask_talker('/metrics') // '';
    my $figure = sub { my ($name) = @_; return $text =~ /^llamacpp:$name (\S+)/m ? $1 : 0 };
    my $label = "{engine=\"0\",model_name=\"$state->{names}[0]\"}";
    my $running = $figure->('requests_processing');
    my $cache = version_at_least($state->{version}, '0.10.0') ? 'kv_cache_usage_perc' : 'gpu_cache_usage_perc';
    my @rows = (
        ['gauge', 'num_requests_running', $running], ['gauge', 'num_requests_waiting', $figure->('requests_deferred')],
        ['gauge', $cache, $running > 0 ? 0.25 : 0], ['counter', 'prompt_tokens_total', $figure->('prompt_tokens_total')],
        ['counter', 'generation_tokens_total', $figure->('tokens_predicted_total')],
    );
    return join('', map { "# HELP vllm:$_->[1] A figure.\n# TYPE vllm:$_->[1] $_->[0]\nvllm:$_->[1]$label $_->[2]\n" } @rows);
}

1;
