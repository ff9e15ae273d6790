export { absentProblem, DriverFailure, type DriverProblem } from './driver-state.ts';
export { findCommand, findProgram, hasNvidiaCard } from './find-program.ts';
export type { LiveQuery } from './live-query.ts';
export type { MigDevice, MigReading } from './mig.ts';
export { NvidiaSmi, NVIDIA_SMI_TIMING, type NvidiaSmiTiming } from './nvidia-smi.ts';
export type { Card, GpuProcess, LiveReading } from './readings.ts';
export type { Tick } from './tick-reader.ts';
