import Glibc

/// libFuzzer's way in. The target is named by FUZZ_TARGET; its seeds are written into the directory FUZZ_SEEDS first.
private let target: FuzzTarget = {
    guard let name = unsafe getenv("FUZZ_TARGET"), let target = unsafe FuzzTarget(rawValue: String(cString: name)) else {
        fatalError("FUZZ_TARGET: one of \(FuzzTarget.allCases.map(\.rawValue))")
    }
    return target
}()

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutablePointer<Int32>, _ words: UnsafeMutableRawPointer) -> Int32 {
    guard let directory = unsafe getenv("FUZZ_SEEDS") else { return 0 }
    for (number, seed) in target.seeds.enumerated() {
        guard let file = unsafe fopen("\(String(cString: directory))/seed-\(number)", "w") else {
            fatalError("FUZZ_SEEDS cannot be written")
        }
        unsafe fwrite(seed, 1, seed.count, file)
        unsafe fclose(file)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do { try target.run(unsafe Array(UnsafeBufferPointer(start: start, count: count))) } catch { fatalError("\(error)") }
    return 0
}
