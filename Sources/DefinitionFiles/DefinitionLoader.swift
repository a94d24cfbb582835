// From paths or a text to definitions, with everything that is wrong said at once. Reading goes in three steps: all texts are
// parsed (so that a folder's import lists are known before its other files are judged), then each document is taken into the
// definitions by its format, then the placement is read, which needs to know the meshes.

import Definitions

/// What was loaded. With an error among the diagnostics the definitions are as complete as could be made out, good for looking
/// for further findings, not for running.
public struct LoadedDefinitions: Sendable {
    public var definitions: Definitions
    public var sources: SourceMap
    /// In the order of files and places.
    public var diagnostics: [Diagnostic]
    /// Every file and folder that was read, also those that could not be; what to watch for changes.
    public var files: [String]

    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    public init(
        definitions: Definitions = Definitions(), sources: SourceMap = SourceMap(), diagnostics: [Diagnostic] = [],
        files: [String] = []
    ) {
        self.definitions = definitions
        self.sources = sources
        self.diagnostics = diagnostics
        self.files = files
    }
}

public enum DefinitionLoader {
    /// A text beside the files, such as what an API took; `name` stands for the file in positions.
    public struct NamedText: Sendable, Equatable {
        public var name: String
        public var text: String

        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Loads files and folders (their `*.yaml`, `*.yml` and `*.json`, by name) and then texts, and merges them all.
    /// - Parameter variables: values of `$NAME` and `${NAME}`.
    public static func load(
        paths: [String], texts: [NamedText] = [], variables: [String: String] = [:]
    ) -> LoadedDefinitions {
        var loading = Loading(variables: variables)
        for path in paths { loading.add(path: path) }
        for text in texts { loading.add(text: text.text, name: text.name) }
        return loading.finished()
    }

    /// Loads one text: JSON if `name` ends in `.json`, or if it starts with a brace or bracket and `name` does not end in `.yaml`
    /// or `.yml`. It cannot import files.
    /// - Parameter name: stands for the file in positions.
    public static func load(text: String, name: String, variables: [String: String] = [:]) -> LoadedDefinitions {
        var loading = Loading(variables: variables)
        loading.add(text: text, name: name)
        return loading.finished()
    }
}

/// One run of the loader.
struct Loading {
    private struct ParsedFile {
        var path: String
        var text: SourceText
    }

    /// The formats whose documents name their resources themselves and stand together in a file.
    private static let selfNaming: [DocumentFormat] = [.cloudFormation, .kubernetes]

    let variables: [String: String]
    private var intake = Intake()
    private var files: [String] = []
    private var notedFiles: Set<String> = []
    private var read: Set<String> = []
    /// Files and their places in the order of reading, for sorting findings.
    private var fileOrder: [String: Int] = [:]

    init(variables: [String: String]) {
        self.variables = variables
    }

    mutating func add(path: String) {
        switch SourceFiles.kind(of: path) {
        case nil:
            note(file: path)
            intake.report("no-such-file", file: path, "there is no such file or folder")
        case .file:
            if let file = parse(path) { take(file) }
        case .folder: add(folder: path)
        }
    }

    mutating func add(text: String, name: String) {
        fileOrder[name] = fileOrder.count
        do throws(SourceFiles.Failure) {
            let bytes = try SourceFiles.checked(Array(text.utf8))
            take(ParsedFile(path: name, text: Self.parse(bytes, path: name, variables: variables)), mayImport: false)
        } catch {
            intake.report(error, file: name)
        }
    }

    mutating func finished() -> LoadedDefinitions {
        intake.finish()
        checkCertificates()
        let indexed = intake.diagnostics.enumerated().sorted { a, b in
            let (left, right) = (order(of: a.element), order(of: b.element))
            return left == right ? a.offset < b.offset : left.lexicographicallyPrecedes(right)
        }
        return LoadedDefinitions(
            definitions: intake.definitions, sources: intake.sources, diagnostics: indexed.map(\.element), files: files)
    }

    /// The files that stand in for certificates exist (design section 6). A warning, for they are needed where TLS is spoken, which
    /// may be another machine. What a text names is not looked for: it may not ask what is on the disk.
    private mutating func checkCertificates() {
        let key = ResourceKey.local()
        for (arn, certificate) in intake.definitions.local.certificates.sortedByName {
            let place = SourceMap.path("certificates", member: arn)
            for (field, path) in [
                ("certificateChain", certificate.certificateChain), ("privateKey", certificate.privateKey),
            ] {
                let fieldPath = SourceMap.path(place, member: field)
                guard let path, let position = intake.sources.exactPosition(key, fieldPath),
                    notedFiles.contains(position.file), SourceFiles.kind(of: path) != .file
                else { continue }
                intake.append([
                    Diagnostic(
                        .warning, "no-such-file", at: position, path: key.path(fieldPath), "there is no file `\(path)`")
                ])
            }
        }
    }

    private func order(of diagnostic: Diagnostic) -> [Int] {
        guard let position = diagnostic.position else { return [Int.max] }
        return [fileOrder[position.file] ?? Int.max, position.line, position.column]
    }

    private mutating func add(folder: String) {
        note(file: folder)
        do throws(SourceFiles.Failure) {
            let paths = try SourceFiles.definitionFiles(in: folder)
            if paths.isEmpty {
                intake.report(
                    "no-definitions", file: folder, "the folder holds no definition files",
                    suggestion: "definition files end in .yaml, .yml or .json")
            }
            let parsed = paths.compactMap { parse($0) }
            let imported = Set(parsed.flatMap { Self.importedFiles($0) })
            for file in parsed where !imported.contains(SourceFiles.canonical(file.path)) { take(file) }
        } catch {
            intake.report(error, file: folder)
        }
    }

    /// The text of a file, once: a file that is given twice is read once.
    private mutating func parse(_ path: String) -> ParsedFile? {
        guard read.insert(SourceFiles.canonical(path)).inserted else { return nil }
        note(file: path)
        do throws(SourceFiles.Failure) {
            let bytes = try SourceFiles.read(path)
            return ParsedFile(path: path, text: Self.parse(bytes, path: path, variables: variables))
        } catch {
            intake.report(error, file: path)
            return nil
        }
    }

    private static func parse(_ bytes: [UInt8], path: String, variables: [String: String]) -> SourceText {
        let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let isYAML = path.hasSuffix(".yaml") || path.hasSuffix(".yml")
        let startsAsJSON = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        let isJSON = path.hasSuffix(".json") || (startsAsJSON && !isYAML)
        let read = { (variables: Variables) in
            isJSON ? JSONReader.read(bytes, variables: variables) : YAMLReader.read(bytes, variables: variables)
        }
        let variables = Variables(values: variables)
        // In a template `${Name}` belongs to `Fn::Sub`.
        guard mayHoldTemplate(bytes) else { return read(variables) }
        let raw = read(.none)
        let isTemplate = raw.documents.map { DocumentFormat($0.root) == .cloudFormation }
        if !isTemplate.contains(true) { return read(variables) }
        if !isTemplate.contains(false) { return raw }
        var text = read(variables)
        guard text.documents.count == raw.documents.count else { return text }
        for index in raw.documents.indices where isTemplate[index] { text.documents[index] = raw.documents[index] }
        return text
    }

    /// Whether a text has what no template of interest is without: the types of AWS, or the version.
    private static func mayHoldTemplate(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            for index in bytes.indices.dropFirst(2) where bytes[index] == UInt8(ascii: "S") {
                guard bytes[index - 1] == UInt8(ascii: "W"), bytes[index - 2] == UInt8(ascii: "A") else { continue }
                let rest = bytes[(index + 1)...]
                if rest.starts(with: "::".utf8) || rest.starts(with: "TemplateFormatVersion".utf8) { return true }
            }
            return false
        }
    }

    private mutating func note(file: String) {
        if notedFiles.insert(file).inserted { files.append(file) }
        if fileOrder[file] == nil { fileOrder[file] = fileOrder.count }
    }

    private static func importedFiles(_ file: ParsedFile) -> [String] {
        file.text.documents.flatMap { document -> [String] in
            guard case .sequence(let entries)? = document.root["imports"]?.content else { return [] }
            return entries.compactMap { $0["file"]?.text }.map {
                SourceFiles.canonical(SourceFiles.join(SourceFiles.folder(of: file.path), $0))
            }
        }
    }

    private mutating func take(_ file: ParsedFile, mayImport: Bool = true) {
        if let failure = file.text.failure { intake.report(failure, file: file.path) }
        if file.text.documents.isEmpty, file.text.failure == nil {
            intake.report("no-definitions", file: file.path, severity: .warning, "the file holds no definitions")
        }
        for document in file.text.documents {
            for request in intake.take(document, file: file.path, variables: variables) {
                if mayImport {
                    take(request, list: file.path)
                } else {
                    intake.report(
                        "no-imports", file: file.path, at: request.location, "a text cannot import files")
                }
            }
        }
    }

    private mutating func take(_ request: ImportRequest, list: String) {
        let path = SourceFiles.join(SourceFiles.folder(of: list), request.entry.file)
        note(file: path)
        guard SourceFiles.kind(of: path) == .file else {
            intake.report("no-such-file", file: list, at: request.location, "there is no file `\(path)`")
            return
        }
        do throws(SourceFiles.Failure) {
            let values = variables.merging(request.entry.variables) { _, own in own }
            let text = Self.parse(try SourceFiles.read(path), path: path, variables: values)
            if let failure = text.failure { intake.report(failure, file: path) }
            let isSelfNaming = text.documents.allSatisfy { Self.selfNaming.contains(DocumentFormat($0.root)) }
            guard text.documents.count == 1 || (isSelfNaming && !text.documents.isEmpty) else {
                if text.failure == nil {
                    intake.report(
                        "bad-import", file: list, at: request.location,
                        "`\(path)` holds \(text.documents.count) documents, an import needs exactly one")
                }
                return
            }
            if isSelfNaming { intake.check(selfNamingImport: request, file: path, list: list) }
            for document in text.documents {
                intake.take(imported: document, file: path, request: request, list: list, variables: values)
            }
        } catch {
            intake.report(error, file: path)
        }
    }
}
