/**
 * Sizes and offsets in bytes of the structures handed to the kernel, for 64-bit little endian ABIs (x86-64, arm64).
 * struct user_msghdr, iovec, mmsghdr: include/linux/socket.h; cmsghdr: `cmsg_len` is size_t there, data aligned to 8.
 */
export const IOVEC = { size: 16, base: 0, length: 8 } as const;

export const MSGHDR = {
  size: 56,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const;

/** A msghdr, then `msg_len` and 4 bytes of padding. */
export const MMSGHDR = { size: 64, length: 56 } as const;

export const CMSGHDR = { size: 16, length: 0, level: 8, type: 12 } as const;

/** struct pollfd */
export const POLLFD = { size: 8, fd: 0, events: 4, revents: 6 } as const;

/** CMSG_ALIGN: the next multiple of 8. */
export function align8(length: number): number {
  return (length + 7) & ~7;
}
