import LinuxSys

keepHeap()
exitNow(Program(commandLine()).run())
