// swift-tools-version: 6.2
import PackageDescription

// The modules and their arrows are those of the design: an arrow points downwards only.
// `ArchitectureTests` holds the same table and fails when this manifest gains an arrow.

/// Modules that touch raw memory show every unsafe use.
let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .strictMemorySafety()]
let plain: [SwiftSetting] = [.swiftLanguageMode(.v6)]

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
            swiftSettings: plain),
        .target(name: "Routing", dependencies: ["Patterns", "Wire"], swiftSettings: plain),
        .target(name: "Patterns", swiftSettings: plain),
        .target(name: "Resilience", swiftSettings: plain),
        .target(name: "Telemetry", dependencies: ["Wire"], swiftSettings: plain),
        .target(name: "Wire", swiftSettings: strict),
        .target(name: "Reactor", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "CLinux"),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: plain),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns"], swiftSettings: plain),
        .testTarget(name: "RoutingTests", dependencies: ["Routing"], swiftSettings: plain),
    ]
)
