internal import LinuxSys
package import TTRPC

/// Hears of every call of a handler that was answered: service, method, the answer's code, nanoseconds from request to answer.
package typealias CallObserver = @Sendable (String, String, StatusCode, UInt64) -> Void

extension Routes {
    /// The same handlers, with somebody who hears of each call.
    package func observed(by observer: @escaping CallObserver) -> Routes {
        var result = self
        result.handlers = handlers.mapValues { methods in
            methods.mapValues { handler in
                var observed = handler
                let run = handler.run
                observed.run = { payload, context, queue, put in
                    let start = monotonicNanoseconds()
                    let outcome = await run(payload, context, queue, put)
                    let code: StatusCode
                    switch outcome {
                    case .response(let response): code = response.status.code
                    case .streamEnded: code = .ok
                    }
                    observer(context.service, context.method, code, monotonicNanoseconds() - start)
                    return outcome
                }
                return observed
            }
        }
        return result
    }
}
