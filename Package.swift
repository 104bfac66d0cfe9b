// swift-tools-version: 6.2
import PackageDescription

/// For targets that are pointers throughout, which is their purpose: see the note at their head.
let pointerSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

let settings: [SwiftSetting] = [.strictMemorySafety()] + pointerSettings

/// Every kernel source, read by `CKernelSources` from beside its wrapper.
let kernelSources = [
  "Common/Common.cuh", "Rows/Rows.cu", "Norm/Norm.cu", "Tiles/Tiles.cu",
  "Product/Product.cu", "Product/Parts.cu", "Product/FewRows.cu", "Linear/Linear.cu",
  "Attention/Attention.cu", "Attention/PromptAttention.cu", "Sampling/Draw.cuh",
  "Sampling/Sampling.cu", "CodecConvolution/CodecConvolution.cu", "Decode/Decode.cu",
  "Encoders/Encoders.cu", "Frame/Frame.cu",
]

let package = Package(
  name: "swift-qwen3-tts",
  products: [
    .library(name: "Qwen3TTS", targets: ["Qwen3TTS"]),
    .executable(name: "qwen3-tts", targets: ["qwen3-tts"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
  ],
  targets: [
    .target(name: "SpeechModel", swiftSettings: settings),
    .target(name: "CCUDA", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CUDA", dependencies: ["CCUDA", "Digest"], swiftSettings: pointerSettings),
    .target(name: "CKernelSources"),
    .target(
      name: "CUDABackend", dependencies: ["SpeechModel", "CUDA", "CKernelSources"],
      exclude: kernelSources, swiftSettings: settings),
    .target(
      name: "BackendVerification",
      dependencies: ["SpeechModel", "CUDA", "CUDABackend", "ModelFiles", "SyntheticCheckpoint"],
      swiftSettings: settings),
    .executableTarget(
      name: "gpu-check",
      dependencies: [
        "SpeechModel", "BackendVerification", "CPUBackend", "CUDA", "CUDABackend", "ModelFiles",
        "SyntheticCheckpoint", "Qwen3TTS",
      ],
      path: "Sources/GPUCheck", swiftSettings: settings),
    .target(name: "CCPUKernels"),
    .target(
      name: "CPUBackend", dependencies: ["SpeechModel", "CCPUKernels"],
      swiftSettings: pointerSettings),
    .target(name: "ModelFiles", dependencies: ["SpeechModel"], swiftSettings: settings),
    .target(name: "Digest", swiftSettings: settings),
    .target(
      name: "SyntheticCheckpoint", dependencies: ["SpeechModel", "ModelFiles", "Digest"],
      swiftSettings: settings),
    .target(name: "SystemIO", swiftSettings: settings),
    .target(name: "ModelStore", swiftSettings: settings),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "ModelDownload",
      dependencies: ["ModelStore", "ModelFiles", "SystemIO", "Digest", "CCurl"],
      swiftSettings: settings),
    .target(name: "TextNormalization", swiftSettings: settings),
    .target(
      name: "TextTokenizer",
      dependencies: [.product(name: "HeapModule", package: "swift-collections")],
      swiftSettings: settings),
    .target(
      name: "Qwen3TTS",
      dependencies: [
        "SpeechModel", "CPUBackend", "CUDA", "CUDABackend", "ModelFiles", "ModelStore",
        "TextNormalization",
        "TextTokenizer", "Audio", "SystemIO",
      ],
      resources: [.copy("Resources/DefaultVoice")], swiftSettings: settings),
    .executableTarget(
      name: "qwen3-tts",
      dependencies: [
        "Qwen3TTS", "SpeechModel", "CPUBackend", "CUDA", "CUDABackend", "BackendVerification",
        "ModelFiles", "ModelStore", "ModelDownload", "SyntheticCheckpoint", "Audio",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .target(name: "CSoundFile", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CAudioEncoders", linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "Audio", dependencies: ["SystemIO", "CSoundFile", "CAudioEncoders"],
      swiftSettings: settings),
    .target(name: "FuzzSupport", path: "Tests/FuzzSupport", swiftSettings: settings),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Audio", "ModelFiles", "Qwen3TTS", "SpeechModel", "TextNormalization", "TextTokenizer",
      ],
      path: "Fuzzing/Targets", swiftSettings: settings),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
    .testTarget(
      name: "AudioTests", dependencies: ["Audio", "SystemIO", "FuzzSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "ModelDownloadTests",
      dependencies: ["ModelStore", "ModelDownload", "Digest", "Qwen3TTS", "SystemIO"],
      swiftSettings: settings),
    .testTarget(
      name: "TextNormalizationTests", dependencies: ["TextNormalization", "FuzzSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "TextTokenizerTests", dependencies: ["TextTokenizer"], swiftSettings: settings),
    .target(name: "FakeCUDA", dependencies: ["CCUDA"], path: "Tests/FakeCUDA"),
    .testTarget(
      name: "CUDATests",
      dependencies: [
        "FakeCUDA", "CUDA", "CUDABackend", "Qwen3TTS", "SpeechModel", "ModelFiles",
        "SyntheticCheckpoint",
      ],
      swiftSettings: pointerSettings),
    .testTarget(
      name: "BackendTests",
      dependencies: [
        "SpeechModel", "CPUBackend", "CCPUKernels", "ModelFiles", "BackendVerification",
        "SyntheticCheckpoint",
      ],
      swiftSettings: pointerSettings),
    .testTarget(
      name: "Qwen3TTSTests",
      dependencies: [
        "Qwen3TTS", "SpeechModel", "CPUBackend", "ModelFiles", "SyntheticCheckpoint",
        "TextTokenizer", "Audio", "FuzzSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "ModelTests",
      dependencies: [
        "SpeechModel", "CPUBackend", "ModelFiles", "Digest", "SyntheticCheckpoint", "FuzzSupport",
      ],
      swiftSettings: pointerSettings),
  ]
)

// libFuzzer brings a `main` of its own, so its driver is built on request only; see `Fuzzing/run`.
if Context.environment["FUZZING"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzTargets"], path: "Fuzzing/Driver",
      swiftSettings: pointerSettings + [.unsafeFlags(["-parse-as-library"])]))
}
