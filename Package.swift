// swift-tools-version: 6.2
import PackageDescription

// The modules and their arrows are those of the design: an arrow points downwards only.
// `ArchitectureTests` holds the same table and fails when this manifest gains an arrow.

let plain: [SwiftSetting] = [.swiftLanguageMode(.v6)]
/// The data path. Exclusive access is proven by the compiler where it can and checked at run time in debug builds, in which
/// all tests run; in release builds the run-time check is off, for it was a third of all instructions of a request.
let hot: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]
/// The modules of the data path that touch raw memory show every unsafe use.
let strict = hot + [.strictMemorySafety()]

let package = Package(
    name: "trellis",
    products: [.executable(name: "trellis", targets: ["trellis"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        .executableTarget(
            name: "trellis",
            dependencies: [
                "ControlPlane",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: plain),
        .target(
            name: "ControlPlane",
            dependencies: ["DefinitionFiles", "Compiler", "Discovery", "DataPlane"],
            swiftSettings: plain),
        .target(
            name: "DefinitionFiles",
            dependencies: ["Definitions", .product(name: "Yams", package: "Yams")],
            swiftSettings: plain),
        .target(
            name: "Compiler",
            dependencies: ["Definitions", "Routing", "Discovery"],
            swiftSettings: plain),
        .target(name: "Definitions", swiftSettings: plain),
        .target(name: "Discovery", dependencies: ["Definitions"], swiftSettings: plain),
        .target(
            name: "DataPlane",
            dependencies: ["Routing", "Resilience", "Wire", "Telemetry", "Reactor"],
            swiftSettings: hot),
        .target(name: "Routing", dependencies: ["Patterns", "Wire"], swiftSettings: hot),
        .target(name: "Patterns", swiftSettings: hot),
        .target(name: "Resilience", swiftSettings: hot),
        .target(name: "Telemetry", dependencies: ["Wire"], swiftSettings: hot),
        .target(name: "Wire", swiftSettings: strict),
        .target(name: "Reactor", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "CLinux"),
        .testTarget(name: "ReactorTests", dependencies: ["Reactor"], swiftSettings: plain),
        .testTarget(name: "ResilienceTests", dependencies: ["Resilience"], swiftSettings: plain),
        .testTarget(
            name: "DataPlaneTests", dependencies: ["DataPlane", "Routing", "Telemetry", "Wire"], swiftSettings: plain),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: plain),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns"], swiftSettings: plain),
        .testTarget(name: "RoutingTests", dependencies: ["Routing"], swiftSettings: plain),
        .testTarget(
            name: "DefinitionFilesTests",
            dependencies: ["DefinitionFiles", "Definitions"],
            exclude: ["golden", "corpus"],
            swiftSettings: plain),
        .testTarget(name: "CompilerTests", dependencies: ["Compiler"], swiftSettings: plain),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", "Wire"], swiftSettings: plain),
        .testTarget(name: "ControlPlaneTests", dependencies: ["ControlPlane"], swiftSettings: plain),
        .testTarget(name: "ArchitectureTests", swiftSettings: plain),
        .testTarget(name: "DiscoveryTests", dependencies: ["Discovery"], swiftSettings: plain),
    ]
)
