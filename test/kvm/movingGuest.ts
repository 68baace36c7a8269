/**
 * Debian on one CPU, 128 MiB and a virtio disk, that computes checksums and copies on its disk until its console has a line: for
 * moves between engines under load, and for states that are opened elsewhere.
 */
import { buildMachine, type BuiltMachine } from '../../emulator/host/buildMachine.ts';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import type { EngineName } from '../../shared/vm/engines.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';

/** What the guest does. `read` waits for a second, so each round takes interrupts of the timer, of the disk and of the console. */
export const movingScript = `mount -t ext4 /dev/vda /mnt
(while [ ! -e /tmp/end ]; do sha256sum /mnt/data; done > /tmp/sums) &
round=0
before=0
while true; do
  cp /mnt/data /mnt/copy
  sync
  echo 3 > /proc/sys/vm/drop_caches
  cmp /mnt/data /mnt/copy || exit 1
  read up rest < /proc/uptime
  now=\${up%.*}\${up#*.}
  [ $now -gt $before ] || exit 2
  before=$now
  round=$((round + 1))
  echo "round $round at $up"
  if read -t 1 word; then break; fi
done
touch /tmp/end
wait
echo "sums $(cut -d" " -f1 /tmp/sums | sort -u)"
umount /mnt
dmesg -r | grep "^<[0-3]>" && exit 3
exit 0
`;

export interface MovingFiles {
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
  /** A folder of saveMachineFiles(). */
  readonly state?: string;
}

export class MovingGuest {
  readonly built: BuiltMachine;
  readonly #console: CharacterQueue;
  readonly #heard: () => string;

  /** Running. Rejects with UserError. */
  static async start(
    engine: EngineName,
    { kernel, initrd, disk, state }: MovingFiles,
  ): Promise<MovingGuest> {
    let heard = '';
    const console = new CharacterQueue((bytes) => {
      heard += Buffer.from(bytes).toString('latin1');
      process.stdout.write(bytes);
    });
    const request = machineRequestSchema.parse({
      ...{ memoryMiB: 128, engine, cpuModel: 'host-like', state },
      boot: { kernel, initrd, commandLine: 'console=ttyS0 quiet' },
      disks: [{ path: disk, format: 'raw' }],
      display: { card: 'none' },
    });
    const fail = (message: string): void => {
      throw new Error(message);
    };
    const built = await buildMachine(request, {
      ...{ serial: [console], report: fail, hostFailure: fail },
    });
    built.machine.start();
    return new MovingGuest(built, console, () => heard);
  }

  private constructor(built: BuiltMachine, console: CharacterQueue, heard: () => string) {
    this.built = built;
    this.#console = console;
    this.#heard = heard;
  }

  /** Seconds of the guest's clock, as its last round has said. */
  get uptime(): number {
    return Number([...this.#heard().matchAll(/round \d+ at ([\d.]+)/g)].at(-1)?.[1]);
  }

  /** Waits for so many lines about rounds from now on. Rejects if the guest ends before. */
  async rounds(count: number): Promise<void> {
    const done = (): number => [...this.#heard().matchAll(/round \d+ at/g)].length;
    const wanted = done() + count;
    let ended = false;
    void this.built.machine.ended.then(() => (ended = true));
    while (done() < wanted) {
      if (ended) throw new Error('the guest has ended too early');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Lets it come to its end and closes the machine: what its console has said. */
  async finish(): Promise<string> {
    this.#console.send(Buffer.from('end\n'));
    await this.built.machine.ended;
    await this.built.close();
    return this.#heard();
  }
}
