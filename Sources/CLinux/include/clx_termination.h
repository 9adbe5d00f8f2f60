#pragma once

/* The read end of a pipe into which handlers of `signals` write one byte (the number of the signal), for a process with many
 * threads: there a signalfd misses what another thread takes. Handlers go with execve, so children are not concerned.
 * To be called once. */
int clx_signal_pipe(const int *signals, int count);
