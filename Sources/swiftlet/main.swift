import Command
import Glibc

exit(await runSwiftlet(Array(CommandLine.arguments.dropFirst())))
