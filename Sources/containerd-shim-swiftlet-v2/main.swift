import Glibc
import Shim

exit(Program.run(Array(CommandLine.arguments.dropFirst())))
