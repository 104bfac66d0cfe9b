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

/// Every kernel source, read by `CKernelSources` from its wrapper's folder.
let kernelSources = [
  "Activation/Activation.cu", "Add/Add.cu", "Argmax/Argmax.cu", "Attention/Attention.cu",
  "Attention/DecodeAttention.cu", "Attention/FlashAttention.cu", "Attention/PassAttention.cu",
  "Attention/SplitAttention.cuh",
  "CausalConvolution/CausalConvolution.cu", "CausalConvolution/SnakeConvolution.cu",
  "Common/Activations.cuh", "Common/CacheRows.cuh", "Common/ConvolutionInput.cuh",
  "Common/Elements.cuh", "Common/HeadNorm.cuh", "Common/Kernel.cuh", "Common/Normalization.cuh",
  "Common/Reductions.cuh",
  "Common/RoPE.cuh",
  "Common/SplitBF16.cuh", "Common/SplitBF16Tile.cuh", "Common/SquareSums.cuh",
  "Common/StreamFrames.cuh",
  "Common/TensorCore.cuh", "Copy/Copy.cu",
  "DepthwiseConvolution/DepthwiseConvolution.cu", "FrameRing/FrameRing.cu",
  "FrameStep/FrameAttention.cuh", "FrameStep/FrameConstants.cuh", "FrameStep/FrameMegakernel.cu",
  "FrameStep/FrameSampling.cuh", "FrameStep/FrameShape.h", "FrameStep/FrameStack.cuh",
  "FrameStep/Mailbox.cuh", "FrameStep/VectorProduct.cuh", "FrameStep/WeightPipeline.cuh",
  "Gather/Gather.cu", "HostExchange/HostExchange.cu", "Increment/Increment.cu",
  "LatentUpsampling/LatentUpsampling.cu", "LayerNorm/LayerNorm.cu", "Linear/Epilogue.cuh",
  "Linear/ExactGEMM.cu", "Linear/GEMM.cu", "Linear/GEMMFlags.cuh", "Linear/GEMMFallback.cu",
  "Linear/GEMV.cu",
  "Linear/SmallBatchGEMV.cu", "Linear/SplitBF16.cu", "Linear/StepGEMM.cu",
  "MelSpectrogram/MelSpectrogram.cu",
  "Memory/WeightPacking.cu", "Programs/KernelTable.cuh", "Programs/KernelTable.h",
  "Programs/decode.cu", "Programs/frame.cu", "Programs/gemm.cu", "Programs/gemm_many.cu",
  "Programs/operations.cu", "Programs/prompt.cu",
  "QKNormRoPEAppend/QKNormRoPEAppend.cu", "QKNormRoPEAppend/QKNormRoPEAppendHeads.cu",
  "RMSNorm/RMSNorm.cu", "RMSNorm/RMSNormSplit.cu", "Sample/Sample.cu", "Sample/Sampling.cuh",
  "Snake/Snake.cu", "StatisticsPooling/StatisticsPooling.cu", "SwiGLU/SwiGLU.cu",
  "TrailingText/TrailingText.cu", "TransposedConvolution/TransposedConvolution.cu",
]

/// Which commit is built, where `scripts/package` builds it.
let buildInformation: [CSetting] = [
  ("BUILD_COMMIT", "QWEN3_TTS_COMMIT"), ("BUILD_IS_MODIFIED", "QWEN3_TTS_MODIFIED"),
].compactMap { name, variable in Context.environment[variable].map { .define(name, to: $0) } }

/// A library for programs without Swift has Swift's own in it, and shows only the functions of its header.
let releasedLibrary: [LinkerSetting] =
  Context.environment["QWEN3_TTS_COMMIT"] == nil
  ? []
  : [
    .unsafeFlags([
      "-static-stdlib", "-Xlinker", "-soname=libqwen3tts.so", "-Xlinker",
      "--version-script=\(Context.packageDirectory)/deploy/libqwen3tts.map",
    ])
  ]

let package = Package(
  name: "swift-qwen3-tts",
  products: [
    .library(name: "Qwen3TTS", targets: ["Qwen3TTS"]),
    // For programs in other languages: Sources/CQwen3TTS/include/qwen3tts.h. `scripts/package` builds it.
    .library(name: "qwen3tts", type: .dynamic, targets: ["CInterface"]),
    .executable(name: "qwen3-tts", targets: ["qwen3-tts"]),
  ],
  traits: [
    .trait(
      name: "Server",
      description: "The command `serve`: an HTTP server. Off by default, since it brings SwiftNIO.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    // Fetched only with the trait Server.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.20.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.25.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.25.0"),
    .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.0.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    .target(name: "SpeechModel", swiftSettings: settings),
    .target(name: "SpeechScheduler", swiftSettings: settings),
    .target(
      name: "SpeechSimulation", dependencies: ["SpeechScheduler"], swiftSettings: settings),
    .target(
      name: "SpeechRuntime", dependencies: ["SpeechModel", "SpeechScheduler"],
      swiftSettings: settings),
    .target(name: "CCUDA", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CUDA", dependencies: ["CCUDA", "Digest"], swiftSettings: pointerSettings),
    .target(name: "CKernelSources"),
    .target(
      name: "CUDABackend", dependencies: ["SpeechModel", "CUDA", "CKernelSources"],
      exclude: kernelSources, swiftSettings: settings),
    .target(name: "CGoldenUtterances", exclude: ["golden.safetensors"]),
    .target(
      name: "BackendVerification",
      dependencies: [
        "SpeechModel", "CPUBackend", "CUDA", "CUDABackend", "ModelFiles", "SyntheticCheckpoint",
        "CGoldenUtterances", "Qwen3TTS", "SpeechRuntime", "SpeechScheduler",
      ],
      swiftSettings: settings),
    .target(
      name: "Benchmarking",
      dependencies: [
        "SpeechModel", "CPUBackend", "CUDA", "CUDABackend", "ModelFiles", "Qwen3TTS",
        "SpeechRuntime",
      ],
      swiftSettings: settings),
    .target(name: "CCPUKernels"),
    .target(
      name: "CPUBackend", dependencies: ["SpeechModel", "CCPUKernels"],
      swiftSettings: pointerSettings),
    .target(name: "ModelFiles", dependencies: ["SpeechModel"], swiftSettings: settings),
    .target(name: "Digest", swiftSettings: settings),
    .target(name: "CBuildInformation", cSettings: buildInformation),
    .target(
      name: "BuildInformation", dependencies: ["CBuildInformation"], swiftSettings: settings),
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
      name: "SpeechAlignment", dependencies: ["SpeechModel"], swiftSettings: settings),
    .target(
      name: "TextTokenizer",
      dependencies: [.product(name: "HeapModule", package: "swift-collections")],
      swiftSettings: settings),
    .target(
      name: "Qwen3TTS",
      dependencies: [
        "SpeechModel", "CPUBackend", "CUDA", "CUDABackend", "ModelFiles", "ModelStore",
        "SpeechAlignment", "SpeechRuntime", "SpeechScheduler", "TextNormalization",
        "TextTokenizer", "Audio", "SystemIO",
      ],
      resources: [.copy("Resources/DefaultVoice")], swiftSettings: settings),
    .target(name: "CQwen3TTS", linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "CInterface",
      dependencies: ["CQwen3TTS", "BuildInformation", "Qwen3TTS"], swiftSettings: pointerSettings,
      linkerSettings: releasedLibrary),
    .executableTarget(
      name: "qwen3-tts",
      dependencies: [
        "Qwen3TTS", "SpeechModel", "CPUBackend", "CUDA", "CUDABackend", "BackendVerification",
        "Benchmarking", "BuildInformation", "ModelFiles", "ModelStore", "ModelDownload",
        "SpeechScheduler", "SpeechSimulation", "SyntheticCheckpoint", "Audio", "SystemIO",
        "TextTokenizer", "LoadTest",
        .target(name: "SpeechServer", condition: .when(traits: ["Server"])),
        .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Server"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .target(
      name: "SpeechServer",
      dependencies: [
        "Qwen3TTS", "Audio", "Digest",
        .product(
          name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Server"])),
        .product(
          name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Server"])),
        .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(
          name: "HummingbirdTLS", package: "hummingbird", condition: .when(traits: ["Server"])),
        .product(
          name: "ServiceLifecycle", package: "swift-service-lifecycle",
          condition: .when(traits: ["Server"])),
        .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Server"])),
        .product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Server"])),
        .product(
          name: "CoreMetrics", package: "swift-metrics", condition: .when(traits: ["Server"])),
        .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(name: "NIOWebSocket", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(
          name: "NIOHTTPTypes", package: "swift-nio-extras",
          condition: .when(traits: ["Server"])),
        .product(
          name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras",
          condition: .when(traits: ["Server"])),
        .product(
          name: "NIOFoundationCompat", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Server"])),
        .product(
          name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Server"])),
        .product(
          name: "AsyncHTTPClient", package: "async-http-client",
          condition: .when(traits: ["Server"])),
        .product(
          name: "AsyncAlgorithms", package: "swift-async-algorithms",
          condition: .when(traits: ["Server"])),
        .product(
          name: "UnixSignals", package: "swift-service-lifecycle",
          condition: .when(traits: ["Server"])),
        .product(name: "Yams", package: "Yams", condition: .when(traits: ["Server"])),
      ],
      swiftSettings: settings),
    .target(name: "CSoundFile", linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "LoadTest",
      dependencies: [
        "Digest",
        .product(
          name: "AsyncHTTPClient", package: "async-http-client",
          condition: .when(traits: ["Server"])),
        .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(
          name: "NIOFoundationCompat", package: "swift-nio", condition: .when(traits: ["Server"])),
      ],
      swiftSettings: settings),
    .target(name: "CAudioEncoders", linkerSettings: [.linkedLibrary("dl")]),
    .target(
      name: "Audio", dependencies: ["SystemIO", "CSoundFile", "CAudioEncoders"],
      swiftSettings: settings),
    .target(
      name: "ExampleSupport", path: "Examples/Support", packageAccess: false,
      swiftSettings: settings),
    .executableTarget(
      name: "speak-to-file", dependencies: ["ExampleSupport", "Qwen3TTS"],
      path: "Examples/SpeakToFile", packageAccess: false, swiftSettings: settings),
    .executableTarget(
      name: "play-while-speaking", dependencies: ["ExampleSupport", "Qwen3TTS"],
      path: "Examples/PlayWhileSpeaking", packageAccess: false, swiftSettings: settings),
    .executableTarget(
      name: "clone-voice", dependencies: ["ExampleSupport", "Qwen3TTS"],
      path: "Examples/CloneVoice", packageAccess: false, swiftSettings: settings),
    .target(name: "FuzzSupport", path: "Tests/FuzzSupport", swiftSettings: settings),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Audio", "ModelFiles", "Qwen3TTS", "SpeechModel", "TextNormalization", "TextTokenizer",
      ],
      path: "Fuzzing/Targets", swiftSettings: settings),
    .testTarget(
      name: "SpeechServerTests",
      dependencies: [
        "SpeechServer", "Qwen3TTS", "FuzzSupport",
        .product(
          name: "HummingbirdTesting", package: "hummingbird", condition: .when(traits: ["Server"])),
        .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Server"])),
        .product(
          name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Server"])),
        .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
        .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Server"])),
      ],
      swiftSettings: settings),
    .testTarget(name: "LoadTestTests", dependencies: ["LoadTest"], swiftSettings: settings),
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
      name: "SpeechAlignmentTests", dependencies: ["SpeechAlignment"], swiftSettings: settings),
    .testTarget(
      name: "TextTokenizerTests", dependencies: ["TextTokenizer"], swiftSettings: settings),
    .testTarget(
      name: "SpeechSchedulerTests", dependencies: ["SpeechScheduler", "SpeechSimulation"],
      swiftSettings: settings),
    .testTarget(
      name: "SpeechRuntimeTests",
      dependencies: [
        "SpeechRuntime", "SpeechScheduler", "SpeechSimulation", "SpeechModel", "CPUBackend",
        "ModelFiles", "SyntheticCheckpoint",
      ],
      swiftSettings: settings),
    .target(name: "FakeCUDA", dependencies: ["CCUDA"], path: "Tests/FakeCUDA"),
    .testTarget(
      name: "CUDATests",
      dependencies: [
        "FakeCUDA", "BackendVerification", "Benchmarking", "CPUBackend", "CUDA", "CUDABackend",
        "Qwen3TTS", "SpeechModel", "SpeechScheduler", "ModelFiles", "SyntheticCheckpoint",
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
      name: "BenchmarkingTests",
      dependencies: [
        "Benchmarking", "ModelFiles", "Qwen3TTS", "SpeechModel", "SpeechScheduler",
        "SpeechSimulation", "SyntheticCheckpoint",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "GPUTests",
      dependencies: [
        "BackendVerification", "CPUBackend", "CUDA", "CUDABackend", "Qwen3TTS", "SpeechModel",
        "SyntheticCheckpoint",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "Qwen3TTSTests",
      dependencies: [
        "Qwen3TTS", "SpeechModel", "SpeechRuntime", "SpeechScheduler", "CPUBackend", "ModelFiles",
        "SyntheticCheckpoint", "TextTokenizer", "Audio", "FuzzSupport",
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
