import LinuxSys

exitNow(Program(CommandLine.arguments).run())
