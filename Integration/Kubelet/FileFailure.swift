internal import Foundation
internal import LinuxSys
internal import YAML

/// The kernel's reason behind an error of Foundation's, which prints itself over several lines.
func fileReason(_ error: any Error) -> String {
    guard let code = ((error as? CocoaError)?.underlying as? POSIXError)?.code else { return oneLine("\(error)") }
    return SysError(code.rawValue, "").reason
}
