import Command
import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
prepareSignals(arguments)
exit(await runSwiftlet(arguments))
