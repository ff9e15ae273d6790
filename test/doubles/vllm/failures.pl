# The failures of vLLM that can be asked for by name, each with the lines that tell them apart. `early` ones happen
# before the engine, the others at the milestone they belong to. Those of serving are in server.pl.
use strict;
use warnings;

my $OOM = 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.53 GiB of which 512.44 MiB is free. Process 71 has 23.01 GiB memory in use.';
my %ENGINE = (
    # name => [milestone, cause]
    'free-memory' => ['init', 'ValueError: Free memory on device cuda:0 (3.21/23.53 GiB) on startup is less than desired GPU memory utilization (0.92, 21.65 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.'],
    'driver-old' => ['init', 'RuntimeError: The NVIDIA driver on your system is too old (found version 12020). Please update your GPU driver by downloading and installing a new version.'],
    'driver-mismatch' => ['init', 'pynvml.NVMLError_LibRmVersionMismatch: Driver/library version mismatch'],
    'gpu-lost' => ['init', 'RuntimeError: Failed to initialize NVML: Unknown Error'],
    'bfloat16' => ['init', "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5. You can use float16 instead by explicitly setting the `dtype` flag in CLI, for example: --dtype=half."],
    'quantization' => ['init', "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 89. Current capability: 75."],
    'nccl' => ['distributed', 'torch.distributed.DistBackendError: NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.hpp:268, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.27.3'],
    'kernel-image' => ['distributed', 'torch.AcceleratorError: CUDA error: no kernel image is available for execution on the device'],
    'oom' => ['weights', $OOM],
    'oom-load' => ['weights', "$OOM\nRuntimeError: Failed to load model - not enough GPU memory. Try lowering --gpu-memory-utilization to free memory for weights, increasing --tensor-parallel-size, or using --quantization."],
    'corrupt' => ['weights', 'safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer'],
    'corrupt-header' => ['weights', 'safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge'],
    'no-weights' => ['weights', 'RuntimeError: Cannot find any model weights with `/models`'],
    'disk-full' => ['weights', "OSError: [Errno 28] No space left on device: '/cache/vllm/torch_compile_cache'"],
    'no-cache-blocks' => ['cache', 'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.'],
    'kv-too-small' => ['cache', "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is needed, which is larger than the available KV cache memory (1.50 GiB). Based on the available memory, the estimated maximum model length is 12,288. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine."],
    'mamba' => ['cache', 'ValueError: max_num_seqs (256) exceeds available Mamba cache blocks (113). Each decode request requires at least one Mamba block. Please decrease max_num_seqs or increase gpu_memory_utilization.'],
    'oom-graphs' => ['graphs', $OOM],
);
my %API = (
    'architecture' => "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  Value error, Model architectures ['NewThingForCausalLM'] are not supported for now. Supported architectures: dict_keys(['LlamaForCausalLM'])",
    'architecture-inspected' => "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  Value error, Model architectures ['LlamaForCausalLM'] failed to be inspected. Please check the logs for more details.",
    'architecture-transformers' => 'ValueError: The checkpoint you are trying to load has model type `newthing` but Transformers does not recognize this architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out of date.',
    'remote-code' => 'ValueError: The repository /models contains custom code which must be executed to correctly load the model. Please pass the argument `trust_remote_code=True` to allow custom code to be run.',
    'tokenizer' => "OSError: Can't load tokenizer for '/models'. If you were trying to load it from 'https://huggingface.co/models', make sure you don't have a local directory with the same name.",
    'sentencepiece' => "ValueError: Couldn't instantiate the backend tokenizer from one of: (1) a `tokenizers` library serialization file, (2) a slow tokenizer instance to convert or (3) an equivalent slow tokenizer class to instantiate and convert. You need to have sentencepiece or tiktoken installed.",
    'offline' => "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find the requested files in the disk cache and outgoing traffic has been disabled.\nhuggingface_hub.errors.OfflineModeIsEnabled: Cannot reach https://huggingface.co/api/models/org/draft: offline mode is enabled. To disable it, please unset the `HF_HUB_OFFLINE` environment variable.",
    'name-resolution' => "requests.exceptions.ConnectionError: (MaxRetryError('HTTPSConnectionPool(host=\\'huggingface.co\\', port=443): Max retries exceeded with url: /api/models/org/draft (Caused by NameResolutionError: Temporary failure in name resolution)'))",
    'gated' => "huggingface_hub.errors.GatedRepoError: 401 Client Error. Cannot access gated repo for url https://huggingface.co/org/model/resolve/main/config.json.",
    'no-gpu' => 'RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG` to turn on verbose logging to help debug the issue.',
    'no-libcuda' => 'ImportError: libcuda.so.1: cannot open shared object file: No such file or directory',
    'address-in-use' => "OSError: [Errno 98] Address already in use",
);

sub early_failure {
    my ($state) = @_;
    my $name = $state->{failure};
    api_dies($API{$name}) if exists $API{$name};
    if ($name =~ /^exit-(\d+)$/) { exit $1 }
    if ($name eq 'silent') { sleep 1 while 1 }
    # A pid 1 cannot kill itself; the number is what counts.
    if ($name eq 'killed') { exit 137 }
    if ($name eq 'segfault') {
        syswrite(STDERR, "!!!!!!! Segfault encountered !!!!!!!\n");
        exit 139;
    }
    if ($name eq 'host-oom') { my @much; push @much, 'x' x (64 * 1024 * 1024) while 1 }
    if ($name eq 'log-flood') {
        my $line = '(EngineCore_DP0 pid=58) WARNING 11-21 00:00:00 [flood.py:1] ' . ('the same thing again ' x 40) . "\n";
        syswrite(STDERR, $line) for 1 .. 60_000;
    }
}

sub failure_at {
    my ($state, $milestone) = @_;
    my $name = $state->{failure};
    if ($name eq "hang-$milestone" || ($name eq 'hang' && $milestone eq 'weights')) { sleep 1 while 1 }
    my $found = $ENGINE{$name} or return;
    my ($at, $cause) = @$found;
    return if $at ne $milestone;
    my ($first, @rest) = reverse split(/\n/, $cause);
    engine_dies($first, reverse @rest);
}

1;
