internal import CLinux

/// Nanoseconds on a clock that never jumps (CLOCK_MONOTONIC).
package func monotonicNanoseconds() -> UInt64 { clx_monotonic_ns() }

/// Nanoseconds since 1970 (CLOCK_REALTIME).
package func realtimeNanoseconds() -> UInt64 { clx_realtime_ns() }
