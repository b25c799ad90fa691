/** What the rest of the project knows of a kernel, and how finding one can go wrong. */

/** A kernel image with whatever belongs to it, ready to be booted. */
export interface Kernel {
  /** Name in results and on the command line, e.g. `6.12` or `6.12.95`. */
  readonly name: string;
  /** Path of the boot image (bzImage). */
  readonly image: string;
  /** Folder that contains `lib/modules/<release>`; null when there are no modules for this image. */
  readonly modules: string | null;
  /** What `uname -r` says on it. */
  readonly release: string;
  /** Version of the package it came in, or the one its `uname -v` names; null when neither is known. */
  readonly version: string | null;
  /** Upstream version it was built from, e.g. `6.12.95` or `7.3-rc5`; null when nothing says so. */
  readonly upstream: string | null;
  /** One line for people. */
  readonly description: string;
  readonly origin: 'debian' | 'package' | 'mainline' | 'path' | 'tree' | 'running-image';
}

/** The steps of getting a kernel or a tool that can take noticeable time, or that people should know of. */
export interface Progress {
  readonly stage: 'index' | 'download' | 'unpack' | 'install' | 'wait' | 'note';
  readonly message: string;
  /** How far a download is, told again and again while it lasts, with the same message. */
  readonly bytes?: { readonly done: number; readonly total: number };
}

export interface KernelOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
  /** Use only what is in the cache already. */
  readonly offline?: boolean;
  /** Take also what cannot be verified, and say so. */
  readonly unverified?: boolean;
  /** Read the package index again even if the stored one is fresh. */
  readonly refresh?: boolean;
}

/** A kernel or tool that cannot be had. `exitCode`: 65 the request is wrong, 69 this machine cannot serve it. */
export class KernelError extends Error {
  readonly advice: string;
  readonly exitCode: 65 | 69;
  constructor(exitCode: 65 | 69, message: string, advice = '') {
    super(message);
    this.name = 'KernelError';
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** Report progress if anybody listens. */
export function report(
  options: KernelOptions,
  stage: Progress['stage'],
  message: string,
  bytes?: Progress['bytes'],
): void {
  options.onProgress?.({ stage, message, ...(bytes && { bytes }) });
}
