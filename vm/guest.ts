/** A kernel in a virtual machine as a machine: booted by virtme-ng, or awakened where one was frozen that had just booted. */
import { SCRATCH, shellLine, virtmeArguments } from './guest/command.ts';
import { findFrozen, tidy } from './guest/frozen.ts';
import { launch } from './guest/launch.ts';
import { namespaces, planGuest, prepare } from './guest/plan.ts';
import type { GuestOptions } from './guest/plan.ts';
import type { Machine, MachineOptions, MachineSource } from './machine.ts';

export type { GuestOptions } from './guest/plan.ts';
export type { BootKernel } from './guest/boot-files.ts';
export type { Standalone } from './guest/preload.ts';

const start = async (options: GuestOptions, machine: MachineOptions): Promise<Machine> => {
  machine.signal.throwIfAborted();
  const plan = await planGuest(options, machine);
  if (plan.note !== '') options.onNote?.(`guests run under TCG, which is slow: ${plan.note}`);
  if (plan.freezer !== null) tidy(plan.files.folder);
  const frozen = plan.freezer === null ? null : findFrozen(plan.freezer);
  if (frozen) {
    const guest = await launch(options, machine, plan, frozen);
    // Both at once, on two cores: nobody has heard of the guest before it is known to be what was frozen.
    const [awake, intact] = await Promise.all([guest.awake, frozen.intact()]);
    if (awake && intact) return guest.machine;
    await guest.machine[Symbol.asyncDispose]();
    machine.signal.throwIfAborted();
    frozen.discard();
  }
  return (await launch(options, machine, plan, null)).machine;
};

export const guestMachine = (options: GuestOptions): MachineSource => ({
  target: options.target ?? options.kernel.name,
  describe: async (machine) => {
    const plan = await planGuest(options, machine);
    const frozen = plan.freezer === null ? null : findFrozen(plan.freezer);
    const words = [...virtmeArguments(plan.command, plan.shape), ...(frozen?.arguments ?? [])];
    const inside = ['--mount', '--pid', '--fork', '--kill-child', 'sh'];
    return [
      shellLine(['unshare', ...(namespaces().includes('user') ? ['--map-root-user'] : []), ...inside]),
      ...prepare(options.kernel, plan.files).split('\n'),
      shellLine(['env', ...Object.entries(plan.vng.env).map(([name, value]) => `${name}=${value}`)]) +
        ` TMPDIR=${SCRATCH} ${shellLine([...plan.vng.virtmeRun, ...words])}`,
    ];
  },
  start: (machine) => start(options, machine),
});
