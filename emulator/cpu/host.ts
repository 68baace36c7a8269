/** What the core asks of its host, docs/engine.md "Imports of the core". Widths are bytes: 1, 2, 4. */

@external("host", "portRead")
export declare function hostPortRead(port: u32, width: u32): u32;
@external("host", "portWrite")
export declare function hostPortWrite(port: u32, width: u32, value: u32): void;
@external("host", "memoryRead")
export declare function hostMemoryRead(address: f64, width: u32): u32;
@external("host", "memoryWrite")
export declare function hostMemoryWrite(address: f64, width: u32, value: u32): void;
/** INTA cycle of the 8259 pair: the vector. */
@external("host", "acknowledgePic")
export declare function hostAcknowledgePic(): u32;
/** A level-triggered vector was ended at the local APIC. */
@external("host", "endOfInterrupt")
export declare function hostEndOfInterrupt(vector: u32): void;
/** An inter-processor message that is not for this CPU alone. */
@external("host", "sendMessage")
export declare function hostSendMessage(destination: u32, vectorAndMode: u32): void;
@external("host", "nowNs")
export declare function hostNowNs(): f64;
@external("host", "wallMs")
export declare function hostWallMs(): f64;
@external("host", "entropy")
export declare function hostEntropy(): u32;
@external("host", "trace")
export declare function hostTrace(code: u32, a: f64, b: f64): void;
