internal import CLinux
import Glibc

/// A file as a block device (loop(4)). It goes when this value and what was mounted from it are gone.
package final class LoopDevice {
    package let path: String
    private let device: FD

    package enum Access: Equatable, Sendable { case readOnly, readWrite }

    package init(_ file: String, _ access: Access) throws(SysError) {
        let backing = try FD.open(file, access == .readOnly ? O_RDONLY : O_RDWR)
        var number: Int32 = -1
        device = FD(owning: try check(unsafe clx_loop_attach(backing.raw, access == .readOnly ? 1 : 0, &number), "loop device", on: file))
        path = "/dev/loop\(number)"
    }
}
