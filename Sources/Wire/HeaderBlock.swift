/// One message head: a single byte buffer, ranges of names and values into it, and identifiers for the header
/// names that the proxy itself acts on.
///
/// The block owns its memory and is reused for message after message, so that a head costs no allocation once
/// warm. The buffer is append-only until `reset()`: a rewritten path or value is appended and its range swapped,
/// therefore a range taken earlier stays readable until the exchange ends (access-log operators rely on it).
/// Names are stored in lower case (RFC 9110 5.1: names are case-insensitive; HTTP/2 sends them lower-case).
@safe public final class HeaderBlock {
    /// A run of bytes in the block's buffer.
    public struct Range: Equatable, Sendable {
        public var start: UInt32
        public var count: UInt32
        @inlinable public init(start: Int, count: Int) {
            self.start = UInt32(truncatingIfNeeded: start)
            self.count = UInt32(truncatingIfNeeded: count)
        }
        @inlinable public static var empty: Range { Range(start: 0, count: 0) }
        @inlinable public var isEmpty: Bool { count == 0 }
    }

    /// One header line. A removed line keeps its place with `id == .removed`, so that indexes stay valid.
    public struct Field {
        public var name: Range
        public var value: Range
        public var id: HeaderID
    }

    /// Everything in the block that changes. It lies behind a constant pointer rather than in stored properties,
    /// because a class property read or written across modules costs a dynamic exclusivity check each time, and a
    /// head is made of hundreds of such accesses.
    @unsafe @usableFromInline struct Contents {
        @usableFromInline var method: Method = .get
        @usableFromInline var methodName: Range = .empty
        @usableFromInline var scheme: Scheme = .http
        @usableFromInline var authority: Range = .empty
        @usableFromInline var path: Range = .empty
        @usableFromInline var query: Range = .empty
        @usableFromInline var hasQuery = false
        @usableFromInline var version: HTTPVersion = .http11
        @usableFromInline var status: UInt16 = 0
        @usableFromInline var reason: Range = .empty
        @usableFromInline var used = 0
        @usableFromInline var count = 0
        @usableFromInline var capacity: Int
        @usableFromInline var fieldCapacity: Int
        @usableFromInline var storage: UnsafeMutablePointer<UInt8>
        @usableFromInline var fields: UnsafeMutablePointer<Field>
    }
    @usableFromInline let contents: UnsafeMutablePointer<Contents>

    /// Index of the first live line with each known identifier plus one; zero is "none".
    @usableFromInline let firstIndex: UnsafeMutablePointer<UInt16>
    /// The process-wide table of known names, kept here so that a look-up needs no lazy global.
    let names: UnsafePointer<HeaderNames.Entry>

    public init(bytes: Int = 1024, fields fieldCapacity: Int = 32) {
        unsafe contents = .allocate(capacity: 1)
        unsafe contents.initialize(
            to: Contents(
                capacity: max(bytes, 64), fieldCapacity: max(fieldCapacity, 8),
                storage: .allocate(capacity: max(bytes, 64)), fields: .allocate(capacity: max(fieldCapacity, 8))))
        unsafe firstIndex = .allocate(capacity: HeaderID.count)
        unsafe firstIndex.initialize(repeating: 0, count: HeaderID.count)
        unsafe names = HeaderNames.table
    }

    deinit {
        unsafe contents.pointee.storage.deallocate()
        unsafe contents.pointee.fields.deallocate()
        unsafe contents.deallocate()
        unsafe firstIndex.deallocate()
    }

    /// Empties the block and keeps its memory.
    public func reset() {
        unsafe contents.pointee = Contents(
            capacity: contents.pointee.capacity, fieldCapacity: contents.pointee.fieldCapacity,
            storage: contents.pointee.storage, fields: contents.pointee.fields)
        unsafe firstIndex.update(repeating: 0, count: HeaderID.count)
    }

    // MARK: Start line

    /// The request method; `other` when it is none of the known ones, see `methodName`.
    public var method: Method {
        @inlinable get { unsafe contents.pointee.method }
        @inlinable set { unsafe contents.pointee.method = newValue }
    }

    /// The method as it was received; empty in a head that was not parsed.
    public var methodName: Range {
        @inlinable get { unsafe contents.pointee.methodName }
        @inlinable set { unsafe contents.pointee.methodName = newValue }
    }

    /// The scheme of an absolute-form target, else what the caller sets from the connection.
    public var scheme: Scheme {
        @inlinable get { unsafe contents.pointee.scheme }
        @inlinable set { unsafe contents.pointee.scheme = newValue }
    }

    /// Host and optional port, from the Host field or, in absolute form, from the target (RFC 9112 3.2.2).
    public var authority: Range {
        @inlinable get { unsafe contents.pointee.authority }
        @inlinable set { unsafe contents.pointee.authority = newValue }
    }

    /// The target without its query; empty for CONNECT, `*` in asterisk form.
    public var path: Range {
        @inlinable get { unsafe contents.pointee.path }
        @inlinable set { unsafe contents.pointee.path = newValue }
    }

    /// The query without its question mark.
    public var query: Range {
        @inlinable get { unsafe contents.pointee.query }
        @inlinable set { unsafe contents.pointee.query = newValue }
    }

    /// Whether the target has a question mark, with or without a query behind it.
    public var hasQuery: Bool {
        @inlinable get { unsafe contents.pointee.hasQuery }
        @inlinable set { unsafe contents.pointee.hasQuery = newValue }
    }

    /// The version of the received message.
    public var version: HTTPVersion {
        @inlinable get { unsafe contents.pointee.version }
        @inlinable set { unsafe contents.pointee.version = newValue }
    }

    /// The status code, 100...999; 0 in a request.
    public var status: UInt16 {
        @inlinable get { unsafe contents.pointee.status }
        @inlinable set { unsafe contents.pointee.status = newValue }
    }

    /// The reason phrase; may be empty.
    public var reason: Range {
        @inlinable get { unsafe contents.pointee.reason }
        @inlinable set { unsafe contents.pointee.reason = newValue }
    }

    /// Bytes of the buffer in use.
    public internal(set) var used: Int {
        @inlinable get { unsafe contents.pointee.used }
        set { unsafe contents.pointee.used = newValue }
    }

    /// Lines in the block, the removed ones included.
    public internal(set) var count: Int {
        @inlinable get { unsafe contents.pointee.count }
        set { unsafe contents.pointee.count = newValue }
    }

    @usableFromInline var storage: UnsafeMutablePointer<UInt8> {
        @inlinable get { unsafe contents.pointee.storage }
        set { unsafe contents.pointee.storage = newValue }
    }

    @usableFromInline var fields: UnsafeMutablePointer<Field> {
        @inlinable get { unsafe contents.pointee.fields }
        set { unsafe contents.pointee.fields = newValue }
    }

    /// Bytes of memory held for the buffer, which `reset()` keeps.
    public internal(set) var capacity: Int {
        get { unsafe contents.pointee.capacity }
        set { unsafe contents.pointee.capacity = newValue }
    }

    private var fieldCapacity: Int {
        get { unsafe contents.pointee.fieldCapacity }
        set { unsafe contents.pointee.fieldCapacity = newValue }
    }

    // MARK: Bytes

    /// The bytes of a range. The pointer is valid until the next append, so it is read at once and not kept.
    @inlinable public func bytes(_ range: Range) -> UnsafeBufferPointer<UInt8> {
        precondition(Int(range.start) + Int(range.count) <= used)
        return unsafe UnsafeBufferPointer(start: storage + Int(range.start), count: Int(range.count))
    }

    /// The bytes of a range as text, for messages and tests.
    public func text(_ range: Range) -> String {
        unsafe String(decoding: bytes(range), as: UTF8.self)
    }

    /// Copies bytes to the end of the buffer. The source may lie in this very buffer.
    public func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Range {
        let range = Range(start: used, count: bytes.count)
        guard let base = bytes.baseAddress, bytes.count > 0 else { return range }
        if used + bytes.count > capacity {
            unsafe growAndAppend(base, bytes.count)
        } else {
            unsafe (storage + used).update(from: base, count: bytes.count)
        }
        used += bytes.count
        return range
    }

    /// Copies text to the end of the buffer.
    public func append(_ text: StaticString) -> Range {
        unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Reserves `count` bytes at the end and lets `body` fill them; `body` returns how many it used.
    public func append(upTo count: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int) -> Range {
        reserve(count)
        let start = used
        let written = unsafe body(UnsafeMutableBufferPointer(start: storage + start, count: count))
        used += min(max(written, 0), count)
        return Range(start: start, count: used - start)
    }

    // MARK: Fields

    /// The line at `index`, which is below `count`; it may be a removed one.
    @inlinable public func field(_ index: Int) -> Field {
        precondition(index >= 0 && index < count)
        return unsafe fields[index]
    }

    /// Adds a line whose name and value are already in the buffer.
    public func add(id: HeaderID, name: Range, value: Range) {
        if count == fieldCapacity { growFields() }
        unsafe (fields + count).initialize(to: Field(name: name, value: value, id: id))
        count += 1
        let slot = Int(id.rawValue)
        if id.isKnown, unsafe firstIndex[slot] == 0 {
            unsafe firstIndex[slot] = UInt16(truncatingIfNeeded: count)
        }
    }

    /// Adds a line with a known name. The value may lie in this very buffer.
    public func add(_ id: HeaderID, _ value: UnsafeBufferPointer<UInt8>) {
        // Laid out as on the wire, `name: value` and CRLF, so that the writer can copy neighbouring lines at once.
        let name = append(id.name)
        _ = append(": ")
        let value = unsafe append(value)
        _ = append("\r\n")
        add(id: id, name: name, value: value)
    }

    /// Adds a line with a known name and a constant value.
    public func add(_ id: HeaderID, _ value: StaticString) {
        unsafe add(id, UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    /// Index of the first line with a known name.
    @inlinable public func firstIndex(of id: HeaderID) -> Int? {
        let slot = unsafe firstIndex[Int(id.rawValue)]
        return slot == 0 ? nil : Int(slot) - 1
    }

    /// Value of the first line with a known name.
    @inlinable public func value(_ id: HeaderID) -> Range? {
        guard let index = firstIndex(of: id) else { return nil }
        return unsafe fields[index].value
    }

    @inlinable public func contains(_ id: HeaderID) -> Bool { firstIndex(of: id) != nil }

    /// Replaces the line's value; the old bytes stay readable through ranges taken before.
    public func setValue(at index: Int, _ value: Range) {
        precondition(index >= 0 && index < count)
        unsafe fields[index].value = value
    }

    /// Makes `value` the only value of a known name: the first line is changed in place, further ones are removed.
    public func set(_ id: HeaderID, _ value: Range) {
        guard let first = firstIndex(of: id) else {
            add(id: id, name: append(id.name), value: value)
            return
        }
        unsafe fields[first].value = value
        var index = first + 1
        while index < count {
            if unsafe fields[index].id == id { unsafe fields[index].id = .removed }
            index += 1
        }
    }

    /// Removes every line with a known name.
    public func remove(_ id: HeaderID) {
        guard var index = firstIndex(of: id) else { return }
        while index < count {
            if unsafe fields[index].id == id { unsafe fields[index].id = .removed }
            index += 1
        }
        unsafe firstIndex[Int(id.rawValue)] = 0
    }

    /// Removes one line.
    public func remove(at index: Int) {
        precondition(index >= 0 && index < count)
        let id = unsafe fields[index].id
        unsafe fields[index].id = .removed
        guard id.isKnown, unsafe Int(firstIndex[Int(id.rawValue)]) == index + 1 else { return }
        unsafe firstIndex[Int(id.rawValue)] = 0
        var next = index + 1
        while next < count {
            if unsafe fields[next].id == id {
                unsafe firstIndex[Int(id.rawValue)] = UInt16(truncatingIfNeeded: next + 1)
                return
            }
            next += 1
        }
    }

    // MARK: Growth

    @inline(never) private func growAndAppend(_ base: UnsafePointer<UInt8>, _ size: Int) {
        // The source may be inside the old buffer, so it is copied before the old buffer goes.
        let wanted = max(capacity * 2, used + size)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        unsafe larger.update(from: storage, count: used)
        unsafe (larger + used).update(from: base, count: size)
        unsafe storage.deallocate()
        unsafe storage = larger
        capacity = wanted
    }

    /// Makes room for `count` further bytes, so that pointers into the buffer stay valid while they are written.
    @inline(__always) func reserve(_ count: Int) {
        if used + count > capacity { grow(to: used + count) }
    }

    @inline(never) private func grow(to size: Int) {
        let wanted = max(capacity * 2, size)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        unsafe larger.update(from: storage, count: used)
        unsafe storage.deallocate()
        unsafe storage = larger
        capacity = wanted
    }

    @inline(never) private func growFields() {
        let wanted = fieldCapacity * 2
        let larger = UnsafeMutablePointer<Field>.allocate(capacity: wanted)
        unsafe larger.moveInitialize(from: fields, count: count)
        unsafe fields.deallocate()
        unsafe fields = larger
        fieldCapacity = wanted
    }
}
