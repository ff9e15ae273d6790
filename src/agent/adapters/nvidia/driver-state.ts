import type { GpuDriver } from '../../../shared/contract/index.ts';

export type DriverState = GpuDriver['state'];

/** What is wrong with the driver, in words for a person. */
export interface DriverProblem {
  readonly state: Exclude<DriverState, 'ok'>;
  readonly reason: string;
  readonly hint: string;
  /** Bus id of the GPU that it is about, when the driver names one. */
  readonly busId?: string | undefined;
}

/** nvidia-smi could not say what it was asked. */
export class DriverFailure extends Error {
  override readonly name = 'DriverFailure';
  readonly problem: DriverProblem;

  constructor(problem: DriverProblem) {
    super(problem.reason);
    this.problem = problem;
  }
}

/** How a call of nvidia-smi ended. */
export interface ProgramEnd {
  readonly code: number | null;
  /** Everything it printed, to stdout and stderr. */
  readonly text: string;
}

interface Rule {
  readonly codes: readonly number[];
  readonly pattern: RegExp;
  readonly problem: (match: RegExpExecArray | null) => Omit<DriverProblem, 'busId'>;
}

/**
 * Exit codes are those of nvidia-smi's manual page, texts those of NVML. The text decides where both are known: 255
 * stands for several.
 */
const RULES: readonly Rule[] = [
  {
    codes: [18],
    pattern: /Driver\/library version mismatch(?:[\s\S]*?NVML library version: ([\d.]+))?/,
    problem: (match) => ({
      state: 'mismatch',
      reason: `The NVIDIA driver was updated${match?.[1] === undefined ? '' : ` to ${match[1]}`}, but the kernel still runs the old one.`,
      hint: 'Restart the machine; or end everything that uses a GPU, then: `sudo modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia nvidia_uvm`',
    }),
  },
  {
    codes: [15],
    pattern: /GPU is lost|Unable to determine the device handle|fallen off the bus/,
    problem: () => ({
      state: 'lost',
      reason: 'A GPU no longer answers: it has fallen off the bus.',
      hint: 'Look for the cause with: `sudo dmesg | grep -i xid`. Then restart the machine; if it comes back, check power, cooling and seating of the card.',
    }),
  },
  {
    codes: [9],
    pattern: /couldn't communicate with the NVIDIA driver|Driver Not Loaded/i,
    problem: () => ({
      state: 'not_loaded',
      reason: 'The NVIDIA driver is installed, but its kernel module is not loaded.',
      hint: 'Try: `sudo modprobe nvidia`. After an update of the kernel, install the driver for it (`sudo dkms autoinstall`); with Secure Boot, the module has to be signed.',
    }),
  },
  {
    codes: [6],
    pattern: /No devices were found/,
    problem: () => ({
      state: 'no_devices',
      reason: 'The NVIDIA driver runs, but finds no GPU.',
      hint: 'The card may be switched off, given to a virtual machine, or failing: see `lspci | grep -i nvidia` and `sudo dmesg | grep -i nvrm`.',
    }),
  },
  {
    codes: [],
    pattern: /GPU access blocked by the operating system/,
    problem: () => ({
      state: 'failed',
      reason: 'Windows keeps this Linux away from the GPU.',
      hint: 'Update the NVIDIA driver of Windows, then in PowerShell: `wsl --update` and `wsl --shutdown`.',
    }),
  },
  {
    codes: [4],
    pattern: /Insufficient Permissions/i,
    problem: () => ({
      state: 'failed',
      reason: 'The user of the agent may not use the GPU.',
      hint: 'Let it read and write /dev/nvidia*; often that means: `sudo usermod -aG video,render <user>`, then log in again.',
    }),
  },
  {
    codes: [12],
    pattern: /libnvidia-ml|NVML.{0,20}(?:not found|Library Not Found)/i,
    problem: () => ({
      state: 'failed',
      reason: 'The library of the NVIDIA driver (libnvidia-ml) is missing.',
      hint: 'Install the driver again; nvidia-smi and the library come from the same package.',
    }),
  },
  {
    codes: [8],
    pattern: /power cables?.*not.*attached/i,
    problem: () => ({
      state: 'failed',
      reason: 'A power cable of a GPU is not attached.',
      hint: 'Switch the machine off and attach it.',
    }),
  },
  {
    codes: [14],
    pattern: /infoROM is corrupt/i,
    problem: () => ({
      state: 'failed',
      reason: 'The infoROM of a GPU is damaged.',
      hint: 'The card needs service; until then it may still compute.',
    }),
  },
  {
    codes: [],
    pattern: /Failed to initialize NVML: ([^\n]+)/,
    problem: (match) => ({
      state: 'failed',
      reason: `The NVIDIA driver cannot be used: ${match?.[1] ?? 'unknown'}.`,
      hint: 'Run nvidia-smi in a terminal. Inside a container the GPUs have to be given to it (--gpus all).',
    }),
  },
];

const LONGEST_QUOTE = 200;

/** What an unsuccessful end of nvidia-smi means. Pure. */
export function problemOf({ code, text }: ProgramEnd): DriverProblem {
  const busId = /GPU ?((?:[0-9A-F]{4,8}:)?[0-9A-F]{2}:[0-9A-F]{2}\.[0-9A-F])/i.exec(text)?.[1];
  for (const { pattern, problem } of RULES) {
    const match = pattern.exec(text);
    if (match !== null) return { ...problem(match), busId };
  }
  const byCode = code === null ? undefined : RULES.find(({ codes }) => codes.includes(code));
  if (byCode !== undefined) return { ...byCode.problem(null), busId };
  const quote = quoted(text);
  return {
    state: 'failed',
    reason: `nvidia-smi ended with ${code === null ? 'a signal' : `code ${code}`}${quote === '' ? ' and said nothing' : `: ${quote}`}.`,
    hint: 'Run nvidia-smi in a terminal to see what it says.',
  };
}

/** What somebody prints who is not nvidia-smi, or a nvidia-smi that is broken. */
export function garbageProblem(text: string): DriverProblem {
  return {
    state: 'failed',
    reason: `nvidia-smi answers what nobody understands: ${quoted(text)}.`,
    hint: 'Run nvidia-smi in a terminal; if MODELOPS_NVIDIA_SMI is set, it may name another program.',
  };
}

export function hungProblem(seconds: number): DriverProblem {
  return {
    state: 'hung',
    reason: `nvidia-smi has not answered for ${seconds} seconds: the driver hangs.`,
    hint: 'Look for XID errors with: `sudo dmesg | grep -i -e xid -e nvrm`. A restart of the machine cures it; a GPU that is failing or overheats comes back to it.',
  };
}

export function absentProblem(configured: string | null, hasCard: boolean): DriverProblem {
  if (configured !== null)
    return {
      state: 'absent',
      reason: `There is no nvidia-smi at ${configured}, where the settings say it is.`,
      hint: 'Correct MODELOPS_NVIDIA_SMI (or nvidia_smi in config.yaml), or remove it: the usual places are looked at then.',
    };
  return hasCard
    ? {
        state: 'absent',
        reason: 'There is an NVIDIA card in this machine, but no NVIDIA driver.',
        hint: "Install NVIDIA's driver (on Ubuntu: `sudo ubuntu-drivers install`; on Debian: `sudo apt install nvidia-driver`), then restart the machine.",
      }
    : {
        state: 'absent',
        reason: 'This machine has no NVIDIA GPU, or its driver is not installed.',
        hint: "Models run on the processor. With a card: install NVIDIA's driver, or name nvidia-smi in MODELOPS_NVIDIA_SMI.",
      };
}

function quoted(text: string): string {
  const line = text.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE)}…` : line;
}
