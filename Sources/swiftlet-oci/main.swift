import Executor
import Glibc
import LinuxSys

do {
    exitNow(try Program(CommandLine.arguments).run())
} catch {
    complain(error.description)
    exitNow(error.status)
}
