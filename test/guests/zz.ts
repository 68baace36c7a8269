import { spawn } from 'node:child_process';
import { NetworkNamespace } from './networkNamespace.ts';
const [mib, dir, cc, loss, reorder, latency, jitter] = process.argv.slice(2) as string[] as [string,string,string,string,string,string,string];
const size = Number(mib) << 20;
const peer = spawn(process.execPath, ['/work/scratch/net/peer.mjs', String(size)], { stdio: ['ignore', 'pipe', 'inherit'] });
const port = await new Promise<string>((r) => peer.stdout.on('data', (b) => r(String(b).trim())));
const guest = await NetworkNamespace.create({ hostLoopback: true });
if (cc === "bbr") await guest.run(`ip route replace 10.0.2.0/24 dev ${guest.device} congctl bbr`);
guest.link.setConditions({ loss: +loss, reorder: +reorder, latency: +latency, jitter: +jitter });
if (process.env["DBG"]) setInterval(() => { const f = [...(guest.network.tcp as any).debugFlows()][0]; if (f) { const s = f.connection.sender; console.log(s.una - 0, s.inFlight, "win", s.window, "cwnd", s.congestion.size, "q", s.queue.length, "rt", s.roundTrip.smoothed, s.roundTrip.least, "to", s.roundTrip.timeout, s.timeouts, "re", s.retransmitted, s.debug(), guest.tapDropped()); } }, 500).unref();
const t = performance.now(); const u = process.cpuUsage();
const out = dir === 'get'
  ? await guest.run(`curl -s http://10.0.2.2:${port}/ | sha1sum`, 300)
  : await guest.run(`head -c ${size} /dev/zero | openssl enc -aes-128-ctr -nosalt -K 07070707070707070707070707070707 -iv 00000000000000000000000000000000 | curl -s -T - http://10.0.2.2:${port}/; nstat -sz | grep -E 'TcpRetransSegs|DSACKRecv|TCPTimeouts|LossProbes|DSACKUndo|SackReorder|RenoReorder|TCPLostRetransmit|SpuriousRTO|TCPFastRetrans'`, 300);
const s = (performance.now() - t) / 1000; const c = process.cpuUsage(u);
console.log(out, `${s.toFixed(1)} s ${(size * 8 / 1e6 / s).toFixed(0)} Mbit/s cpu ${((c.user + c.system) / 1e6).toFixed(1)} s`, guest.network.tcp.counters, (guest.link as any).counters);
peer.kill(); await guest[Symbol.asyncDispose](); process.exit(0);
