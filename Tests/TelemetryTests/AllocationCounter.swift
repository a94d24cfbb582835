// Counts the allocations that the Swift runtime makes on one thread, so that "no allocation" is a test and not a hope.
// The runtime library calls `malloc` and `posix_memalign` through slots that the dynamic linker filled in (ELF gABI,
// "Dynamic Linking"); the counter finds those slots in the loaded library and puts itself in between.

import Glibc

private typealias Malloc = @convention(c) (Int) -> UnsafeMutableRawPointer?

/// The thread whose allocations count, 0 for none. Written only by that thread itself.
nonisolated(unsafe) private var watchedThread: UInt = 0
nonisolated(unsafe) private var watchedCount = 0

private typealias PosixMemalign = @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>?, Int, Int) -> Int32

private let countingMemalign: PosixMemalign = { result, alignment, size in
    guard let result else { return EINVAL }
    if watchedThread != 0, watchedThread == pthread_self() { watchedCount += 1 }
    return posix_memalign(result, alignment, size)
}

private let countingMalloc: Malloc = { size in
    if watchedThread != 0, watchedThread == pthread_self() { watchedCount += 1 }
    return malloc(size)
}

/// Allocations of `body` on this thread; nil if they cannot be counted. One caller at a time.
func allocations(in body: () throws -> Void) rethrows -> Int? {
    guard isInstalled else { return nil }
    watchedCount = 0
    watchedThread = pthread_self()
    defer { watchedThread = 0 }
    try body()
    return watchedCount
}

private let isInstalled: Bool = {
    guard let base = loadedAddress(of: "libswiftCore.so") else { return false }
    return replace("malloc", in: base, by: countingMalloc)
        && replace("posix_memalign", in: base, by: countingMemalign)
}()

private func replace<Function>(_ name: String, in base: UnsafeMutableRawPointer, by function: Function) -> Bool {
    let slots = slots(of: name, in: base)
    for slot in slots {
        let page = UInt(bitPattern: slot) & ~UInt(getpagesize() - 1)
        let size = Int(getpagesize())
        guard mprotect(UnsafeMutableRawPointer(bitPattern: page), size, PROT_READ | PROT_WRITE) == 0 else {
            return false
        }
        UnsafeMutableRawPointer(slot).assumingMemoryBound(to: Function.self).pointee = function
    }
    return !slots.isEmpty
}

/// Where a library's first segment is mapped.
private func loadedAddress(of library: String) -> UnsafeMutableRawPointer? {
    guard let maps = fopen("/proc/self/maps", "r") else { return nil }
    defer { fclose(maps) }
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, Int32(line.count), maps) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard text.contains("/" + library), let start = text.split(separator: "-").first else { continue }
        return UInt(start, radix: 16).flatMap(UnsafeMutableRawPointer.init(bitPattern:))
    }
    return nil
}

/// The slots of an imported function: ELF64 little-endian with RELA, as on x86-64 and AArch64.
private func slots(of name: String, in base: UnsafeMutableRawPointer) -> [UnsafeMutableRawPointer] {
    let headers = base + Int(base.load(fromByteOffset: 32, as: UInt64.self))
    let headerSize = Int(base.load(fromByteOffset: 54, as: UInt16.self))
    let headerCount = Int(base.load(fromByteOffset: 56, as: UInt16.self))
    let dynamicType: UInt32 = 2
    guard
        let dynamic = (0..<headerCount).map({ headers + $0 * headerSize })
            .first(where: { $0.load(as: UInt32.self) == dynamicType })
    else { return [] }

    var entry = base + Int(dynamic.load(fromByteOffset: 16, as: UInt64.self))
    var values: [Int64: UInt64] = [:]
    while entry.load(as: Int64.self) != 0 {
        values[entry.load(as: Int64.self)] = entry.load(fromByteOffset: 8, as: UInt64.self)
        entry += 16
    }
    // The dynamic linker may or may not have made the addresses absolute.
    func table(_ tag: Int64) -> UnsafeMutableRawPointer? {
        guard let value = values[tag] else { return nil }
        return value < UInt64(UInt(bitPattern: base)) ? base + Int(value) : .init(bitPattern: UInt(value))
    }
    let (strings, symbols, relocations, sizes) = (5 as Int64, 6 as Int64, [23, 7] as [Int64], [2, 8] as [Int64])
    guard let strings = table(strings), let symbols = table(symbols) else { return [] }
    var found: [UnsafeMutableRawPointer] = []
    for (tag, size) in zip(relocations, sizes) {
        guard let start = table(tag), let bytes = values[size] else { continue }
        for offset in stride(from: 0, to: Int(bytes), by: 24) {
            let symbol = Int(start.load(fromByteOffset: offset + 8, as: UInt64.self) >> 32)
            guard symbol != 0 else { continue }
            let text = strings + Int(symbols.load(fromByteOffset: symbol * 24, as: UInt32.self))
            guard strcmp(text.assumingMemoryBound(to: CChar.self), name) == 0 else { continue }
            found.append(base + Int(start.load(fromByteOffset: offset, as: UInt64.self)))
        }
    }
    return found
}
