// SPDX-License-Identifier: MIT

import SpeechModel

extension ConfigurationCheck {
  /// What the speaker encoder's layers take for granted.
  func speakerEncoder(_ shape: SpeakerEncoderConfiguration) throws(CheckpointError) {
    let key = "speaker_encoder_config"
    try require(
      shape.sampleRate == 24000, key + ".sample_rate", expected: "24000", found: shape.sampleRate)
    try size(shape.melBandCount, key + ".mel_dim", upTo: 512)
    let layers = shape.channels.count
    try require(
      (3...16).contains(layers) && shape.kernelSizes.count == layers
        && shape.dilations.count == layers, key + ".enc_channels",
      expected: "3…16 layers, with a kernel and a dilation each", found: shape.channels)
    for channels in shape.channels { try size(channels, key + ".enc_channels", upTo: 1 << 16) }
    let blocks = shape.channels.dropLast()
    try require(
      Set(blocks).count == 1 && blocks.dropFirst().reduce(0, +) == shape.channels[layers - 1],
      key + ".enc_channels", expected: "equal blocks, and their sum in the last place",
      found: shape.channels)
    for kernel in shape.kernelSizes {
      try require(
        kernel % 2 == 1 && (1...15).contains(kernel), key + ".enc_kernel_sizes",
        expected: "odd numbers from 1 to 15", found: kernel)
    }
    try require(
      shape.kernelSizes[layers - 1] == 1, key + ".enc_kernel_sizes",
      expected: "1 in the last place", found: shape.kernelSizes[layers - 1])
    for dilation in shape.dilations { try size(dilation, key + ".enc_dilations", upTo: 16) }
    try require(
      shape.res2NetScale > 1 && shape.channels[0] % shape.res2NetScale == 0,
      key + ".enc_res2net_scale", expected: "a divisor of \(shape.channels[0]) above 1",
      found: shape.res2NetScale)
    try size(shape.attentionChannels, key + ".enc_attention_channels", upTo: 1 << 16)
    try size(shape.squeezeChannels, key + ".enc_se_channels", upTo: 1 << 16)
  }

  /// What the codec encoder's layers take for granted.
  func codecEncoder(_ shape: CodecEncoderConfiguration) throws(CheckpointError) {
    let key = "encoder_config"
    try transformer(shape.transformer, key)
    try size(shape.codebookDim, key + ".codebook_dim", upTo: 1 << 16)
    try size(shape.codebookSize, key + ".codebook_size")
    try size(shape.quantizerCount, key + ".num_quantizers", upTo: 1024)
    try size(shape.filterCount, key + ".num_filters", upTo: 1 << 12)
    let ratios = shape.upsamplingRatios
    try require(
      ratios.count <= 8 && ratios.allSatisfy { (1...64).contains($0) }
        && shape.samplesPerFrame == 1920, key + ".upsampling_ratios",
      expected: "ratios with the product 960", found: ratios)
    try require(
      shape.compress > 0 && shape.filterCount % shape.compress == 0, key + ".compress",
      expected: "a divisor of \(shape.filterCount)", found: shape.compress)
    for (kernel, name) in [
      (shape.kernelSize, "kernel_size"), (shape.lastKernelSize, "last_kernel_size"),
      (shape.residualKernelSize, "residual_kernel_size"),
    ] {
      try size(kernel, "\(key).\(name)", upTo: 64)
    }
  }
}
