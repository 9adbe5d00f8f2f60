import LinuxSys

exitNow(Program(commandLine()).run())
