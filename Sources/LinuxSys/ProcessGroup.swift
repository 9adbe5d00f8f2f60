import Glibc

/// A process group of its own, and where stdin is the session's terminal the one that the terminal's signals go to (tcsetpgrp(3)).
///
/// SIGTTOU has to be blocked: a process in the background would be stopped for asking.
package func leadProcessGroup() throws(SysError) {
    try checkErrno("setpgid") { setpgid(0, 0) }
    // ENOTTY: no terminal, or another session's.
    _ = tcsetpgrp(0, getpgrp())
}
