# vLLM's command line, as argparse reads it: what is not known is refused with argparse's own sentences and exit code 2.
# `[since, before]` bound the versions that know a flag; undef is open.
use strict;
use warnings;

my %VALUE = map { $_ => [undef, undef] } qw(
    host port ssl-keyfile ssl-certfile root-path served-model-name api-key chat-template tokenizer tokenizer-mode revision
    dtype max-model-len quantization kv-cache-dtype gpu-memory-utilization tensor-parallel-size pipeline-parallel-size
    data-parallel-size max-num-seqs max-num-batched-tokens seed load-format download-dir config-format generation-config
    override-generation-config tool-call-parser reasoning-parser block-size num-gpu-blocks-override cpu-offload-gb
    max-logprobs model-impl limit-mm-per-prompt compilation-config uvicorn-log-level chat-template-content-format
    response-role hf-overrides lora-modules max-loras max-lora-rank speculative-config middleware allowed-origins
    allowed-methods allowed-headers distributed-executor-backend scheduling-policy long-prefill-token-threshold
    additional-config otlp-traces-endpoint max-log-len return-tokens-as-token-ids double-failure
);
$VALUE{'uds'} = $VALUE{'kv-cache-memory-bytes'} = ['0.11.0', undef];
$VALUE{'runner'} = $VALUE{'convert'} = ['0.10.1', undef];
$VALUE{'task'} = [undef, '0.13.0'];
$VALUE{'disable-access-log-for-endpoints'} = ['0.16.0', undef];
$VALUE{'swap-space'} = [undef, '0.18.0'];
$VALUE{'attention-backend'} = ['0.13.0', undef];
my %SWITCH = map { $_ => [undef, undef] } qw(
    enforce-eager trust-remote-code enable-prefix-caching no-enable-prefix-caching enable-chunked-prefill
    no-enable-chunked-prefill enable-auto-tool-choice disable-log-stats disable-uvicorn-access-log disable-fastapi-docs
    enable-lora enable-sleep-mode disable-custom-all-reduce enable-expert-parallel enable-prompt-tokens-details
    disable-frontend-multiprocessing enable-server-load-tracking enable-request-id-headers skip-tokenizer-init
);
$SWITCH{'enable-offline-docs'} = ['0.16.0', undef];
$SWITCH{'enable-log-requests'} = ['0.10.1', undef];
$SWITCH{'disable-log-requests'} = [undef, '0.13.0'];
my %SHORT = (tp => 'tensor-parallel-size', pp => 'pipeline-parallel-size', q => 'quantization', dp => 'data-parallel-size');
my %CHOICES = (
    dtype => [qw(auto half float16 bfloat16 float float32)],
    'kv-cache-dtype' => [qw(auto bfloat16 fp8 fp8_e4m3 fp8_e5m2 fp8_inc)],
    runner => [qw(auto generate pooling draft)],
    quantization => [qw(awq awq_marlin bitsandbytes compressed-tensors deepspeedfp experts_int8 fbgemm_fp8 fp8 gguf gptq gptq_marlin modelopt modelopt_fp4 mxfp4 torchao)],
);
my %NUMBER = map { $_ => 1 } qw(port tensor-parallel-size pipeline-parallel-size max-num-seqs max-num-batched-tokens kv-cache-memory-bytes seed);

sub version_at_least {
    my ($version, $bound) = @_;
    my @have = split(/\D+/, $version);
    my @want = split(/\D+/, $bound);
    for my $part (0 .. 2) {
        my $order = ($have[$part] // 0) <=> ($want[$part] // 0);
        return $order > 0 if $order != 0;
    }
    return 1;
}

sub known {
    my ($table, $name, $version) = @_;
    my $bounds = $table->{$name} or return 0;
    my ($since, $before) = @$bounds;
    return 0 if defined $since && !version_at_least($version, $since);
    return !(defined $before && version_at_least($version, $before));
}

sub refuse {
    my ($program, $message) = @_;
    syswrite(STDERR, "usage: vllm serve [model_tag] [options]\n$program: error: $message\n");
    exit 2;
}

sub read_arguments {
    my ($version, @words) = @_;
    my %options = (tensor_parallel_size => 1, port => 8000, host => '0.0.0.0');
    my (@unknown, @positional);
    my $command = shift @words;
    if (!defined $command || $command ne 'serve') {
        if (defined $command && $command =~ /^(-v|--version)$/) { print "$version\n"; exit 0 }
        refuse('vllm', 'argument subparser: invalid choice: ' . (defined $command ? "'$command'" : 'None')
            . ' (choose from chat, complete, serve, launch, bench, collect-env, run-batch)');
    }
    while (@words) {
        my $word = shift @words;
        if ($word !~ /^-/ || $word =~ /^-\d/) { push @positional, $word; next }
        my ($name, $value) = $word =~ /^--?([A-Za-z0-9_-]+)(?:\.[\w.+]+)?(?:=(.*))?$/s;
        $name = '' unless defined $name;
        $name =~ tr/_/-/;
        $name = $SHORT{$name} if $word =~ /^-\w/ && exists $SHORT{$name};
        if (known(\%SWITCH, $name, $version)) {
            refuse('vllm serve', "argument --$name: ignored explicit argument '$value'") if defined $value;
            (my $key = $name) =~ tr/-/_/;
            $options{$key} = 1;
            next;
        }
        if (!known(\%VALUE, $name, $version)) { push @unknown, $word; next }
        if (!defined $value) {
            refuse('vllm serve', "argument --$name: expected one argument") if !@words || $words[0] =~ /^-[^\d]/;
            $value = shift @words;
        }
        if ($CHOICES{$name} && !grep { $_ eq $value } @{$CHOICES{$name}}) {
            refuse('vllm serve', "argument --$name: invalid choice: '$value' (choose from " . join(', ', @{$CHOICES{$name}}) . ')');
        }
        refuse('vllm serve', "argument --$name: invalid int value: '$value'") if $NUMBER{$name} && $value !~ /^\d+$/;
        if ($name eq 'gpu-memory-utilization' && !($value =~ /^[\d.]+$/ && $value > 0 && $value <= 1)) {
            refuse('vllm serve', "argument --$name: invalid value: '$value'");
        }
        (my $key = $name) =~ tr/-/_/;
        if ($name eq 'served-model-name') {
            my @names = ($value);
            push @names, shift @words while @words && $words[0] !~ /^-/;
            $options{$key} = \@names;
        } else { $options{$key} = $value }
    }
    # argparse hands what is left, flags and words alike, back to the main program, which refuses it.
    $options{model} = shift @positional;
    refuse('vllm', 'unrecognized arguments: ' . join(' ', @unknown, @positional)) if @unknown || @positional;
    refuse('vllm', 'the following arguments are required: model_tag') unless defined $options{model};
    return \%options;
}

1;
