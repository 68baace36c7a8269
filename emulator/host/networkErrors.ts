/** What a network asks of the host in vain, told to people with the way out. */
import { UserError } from '../../shared/services/errors.ts';
import { HostNetworkError } from '../backends/hostNetwork.ts';

const hints: Readonly<Record<HostNetworkError['code'], string>> = {
  'in-use': 'Choose another host port, or end the program that uses this one.',
  permission: 'Choose a port from 1024 up.',
  'no-address': 'Use 127.0.0.1, or 0.0.0.0 for every address.',
  'no-bridge': 'Use the user-mode network (NAT).',
  unsupported: 'Use the user-mode network (NAT).',
  io: 'Try another port.',
};

const tapHints = {
  tap:
    'An administrator makes a TAP device for you with "ip tuntap add dev NAME mode tap user YOU". ' +
    'The user-mode network (NAT) needs no rights.',
  bridged:
    'An administrator makes a bridge with "ip link add br0 type bridge", and joining it takes CAP_NET_ADMIN. ' +
    'The user-mode network (NAT) with forwarded ports needs no rights.',
} as const;

const noBridgeHint =
  'An administrator puts it into one: "ip link add br0 type bridge", "ip link set NAME master br0", ' +
  '"ip link set br0 up", and then br0 needs the address that NAME had. Wi-Fi interfaces cannot be in a bridge; ' +
  'the user-mode network (NAT) with forwarded ports needs nothing.';

/** For what opens ports: a HostNetworkError as a person is told of it, anything else as it is. */
export function asNetworkError(error: unknown): unknown {
  if (!(error instanceof HostNetworkError)) return error;
  return new UserError(
    { code: `port-${error.code}`, message: error.message, hint: hints[error.code] },
    { cause: error },
  );
}

/** The same for what joins a bridge or a TAP device. */
export function asTapError(error: unknown, mode: 'bridged' | 'tap'): unknown {
  if (!(error instanceof HostNetworkError)) return error;
  return new UserError(
    {
      code: `${mode}-${error.code}`,
      message: error.message,
      hint: error.code === 'no-bridge' ? noBridgeHint : tapHints[mode],
    },
    { cause: error },
  );
}
