internal import LinuxSys

extension Container {
    /// One line for each phase of a process, with how long it took; and the end of its span.
    ///
    /// Those of execs are many, and are written with `-debug`.
    func logPhase(_ what: String, _ process: ManagedProcess) {
        let took = monotonicNanoseconds() - process.began
        if process === initial {
            log.info("init \(what)", took: took)
        } else {
            log.debug("exec \(process.execID) \(what)", took: took)
        }
        process.began = monotonicNanoseconds()
        guard let trace = premises.trace else { return }
        trace.end(process.span)
        process.span = nil
        trace.flush()
    }
}
