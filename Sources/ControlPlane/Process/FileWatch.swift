// Notices when a file or folder that was read changes (inotify(7)): written in place, renamed into place as editors and
// package managers do, switched by a symbolic link as Kubernetes does with mounted configuration, or made readable (chmod,
// chown).
//
// Folders are watched, not files, because a file that is replaced takes its watch with it. For every path that was read the
// names that its resolution depends on are known: every component, and for a symbolic link on the way those of what it points
// to. Events about other names (swap and backup files) are ignored; a folder that was read takes interest in all its
// definition files. What happens within a short time is reported once, so that a save in several steps is one change.

import CLinux
import DefinitionFiles
import Glibc
import Reactor

final class FileWatch: Handler {
    private let loop: EventLoop
    private let descriptor: Int32
    private let changed: () -> Void
    private var watched: Set<String> = []
    /// By folder: the names of interest.
    private var interests: [String: Interest] = [:]
    private var folders: [Int32: String] = [:]
    private lazy var timer = Timer(owner: self)
    /// The first event of the burst being waited out, monotonic nanoseconds.
    private var burstStart: Int64?

    /// A change is reported when nothing has happened for this long,
    static let settleTime: Int64 = 100_000_000
    /// and at the latest this long after its first event.
    static let settleTimeMax: Int64 = 1_000_000_000

    struct Interest: Equatable {
        var names: Set<String> = []
        /// Any definition file in the folder counts.
        var hasDefinitions = false
        /// Something that was read lies right here; otherwise the folder is only on the way to it.
        var holdsFiles = false

        func covers(_ name: String) -> Bool {
            names.contains(name) || hasDefinitions && FileWatch.isDefinition(name)
        }
    }

    init(loop: EventLoop, changed: @escaping () -> Void) throws(SystemError) {
        self.loop = loop
        self.changed = changed
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("inotify_init1") }
        super.init()
        try loop.add(self, fd: descriptor, accepting: true)
    }

    deinit { close(descriptor) }

    /// Watches these paths from now on, and those of before only if told to keep them. What cannot be watched (no
    /// permission, no watches left) is returned.
    func watch(_ paths: [String], keepingOthers: Bool = false) -> [String] {
        watched = keepingOthers ? watched.union(paths) : Set(paths)
        interests = Self.interests(in: watched.sorted())
        var kept: [Int32: String] = [:]
        var failed: [String] = []
        for folder in interests.keys.sorted() {
            let holdsFiles = interests[folder]?.holdsFiles ?? false
            let number = inotify_add_watch(descriptor, folder, holdsFiles ? Self.fileMask : Self.folderMask)
            if number >= 0 {
                kept[number] = folder
            } else if errno == EACCES, !holdsFiles {
                // A folder that may only be passed through, such as another user's home: whoever replaces one so far up
                // reloads by hand.
                continue
            } else if errno != ENOENT, errno != ENOTDIR {
                failed.append(folder)
            }
        }
        for number in folders.keys where kept[number] == nil { inotify_rm_watch(descriptor, number) }
        folders = kept
        return failed
    }

    /// What happens to folders and links; and above what is read nothing else, as others may write much there.
    private static let folderMask =
        UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_ATTRIB)
        | UInt32(IN_ONLYDIR)
    private static let fileMask = folderMask | UInt32(IN_CLOSE_WRITE)

    /// Reports a change as if one had just been seen.
    func checkSoon() {
        guard !timer.isArmed else { return }
        loop.timers.arm(timer, deadline: Clock.monotonic() + Self.settleTime)
    }

    /// Whether one of the files was written after a time, in nanoseconds since 1970. The kernel's file times are up to a tick
    /// of its clock behind, so a little before that time counts too.
    static func hasChanged(_ paths: [String], since time: Int64) -> Bool {
        paths.contains { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return false }
            let changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
            return changed >= time - 10_000_000
        }
    }

    // MARK: Events

    override func ready(_ events: ReadyEvents) {
        // An event is at most its fixed part and a name of NAME_MAX bytes with its zero.
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        var isRelevant = false
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if Self.events(buffer[..<count]).contains(where: covers) { isRelevant = true }
        }
        guard isRelevant else { return }
        let start = burstStart ?? loop.now
        burstStart = start
        loop.timers.arm(timer, deadline: min(loop.now + Self.settleTime, start + Self.settleTimeMax))
    }

    override func timerFired(_ timer: Timer) {
        burstStart = nil
        changed()
    }

    private func covers(_ event: Event) -> Bool {
        // After an overflow anything may have happened.
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
        guard let folder = folders[event.watch], let interest = interests[folder] else { return false }
        // A created file says more when it is closed; a created link or folder says nothing further.
        return interest.covers(event.name)
    }

    struct Event: Equatable {
        var watch: Int32
        var mask: UInt32
        var name: String
    }

    /// `struct inotify_event` after `struct inotify_event`: watch, mask, cookie, length of the name, the name with zeros.
    static func events(_ bytes: ArraySlice<UInt8>) -> [Event] {
        var events: [Event] = []
        var rest = bytes
        func word(_ offset: Int) -> UInt32 {
            rest.dropFirst(offset).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        while rest.count >= 16 {
            let length = Int(word(12))
            guard rest.count >= 16 + length else { break }
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            events.append(
                Event(watch: Int32(bitPattern: word(0)), mask: word(4), name: String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(16 + length)
        }
        return events
    }

    // MARK: What a path depends on

    static func isDefinition(_ name: String) -> Bool {
        DefinitionLoader.isDefinitionFile(name)
    }

    static func interests(in paths: [String]) -> [String: Interest] {
        var interests: [String: Interest] = [:]
        for path in paths {
            var walk = PathWalk(path)
            walk.run()
            for dependency in walk.dependencies {
                interests[dependency.folder, default: Interest()].names.insert(dependency.name)
                if dependency.isLast { interests[dependency.folder]?.holdsFiles = true }
            }
            if let folder = walk.folder {
                interests[folder, default: Interest()].hasDefinitions = true
                interests[folder]?.holdsFiles = true
            }
        }
        return interests
    }
}

/// Resolves a path as the kernel does and remembers what the result depends on.
private struct PathWalk {
    struct Dependency: Hashable {
        var folder: String
        var name: String
        /// The path ends here.
        var isLast: Bool
    }

    private(set) var dependencies: Set<Dependency> = []
    /// The resolved path, if it is a folder.
    private(set) var folder: String?
    private var pending: [String]
    private var resolved: [String] = []
    private var linksLeft = 40

    init(_ path: String) {
        var whole = path
        if !path.hasPrefix("/") {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            if getcwd(&buffer, buffer.count) != nil {
                whole = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                whole += "/" + path
            }
        }
        pending = Self.components(whole)
    }

    private static func components(_ path: String) -> [String] {
        path.split(separator: "/").map(String.init).filter { $0 != "." }
    }

    private var current: String { "/" + resolved.joined(separator: "/") }

    mutating func run() {
        while !pending.isEmpty {
            let name = pending.removeFirst()
            if name == ".." {
                _ = resolved.popLast()
                continue
            }
            let parent = current
            let path = parent == "/" ? "/" + name : "\(parent)/\(name)"
            if linksLeft > 0, let target = SystemFile.linkTarget(path) {
                linksLeft -= 1
                dependencies.insert(Dependency(folder: parent, name: name, isLast: false))
                if target.hasPrefix("/") { resolved = [] }
                pending = Self.components(target) + pending
                continue
            }
            dependencies.insert(Dependency(folder: parent, name: name, isLast: pending.isEmpty))
            resolved.append(name)
        }
        var status = stat()
        if stat(current, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { folder = current }
    }
}
