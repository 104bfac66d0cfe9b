// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func sample(
    _ logits: CUDATensor, rule: SamplingRule, state: SamplingState<CUDAIndices>,
    slots: CUDAIndices, into codes: CUDAIndices
  ) throws(CUDAError) {
    precondition(
      state.settings.stride == 1 && state.frame.stride == 1 && state.seen.stride == 1
        && logits.columns <= 4096, "a block has room for the scores")
    precondition(slots.count == logits.rows && codes.count == logits.rows)
    try launch(
      logits.columns <= 2048 ? "sample_8" : "sample_16", grid: CUDAGrid(logits.rows), block: 256,
      sharedBytes: 8 * logits.columns,
      logits.address, Int32(logits.columns), state.settings.address, Int32(SamplingWord.count),
      state.frame.address, state.seen.address, Int32(state.vocabularySize), slots.address,
      Int32(slots.stride), Int32(rule.codebook), rule.endToken ?? -1, rule.suppressed.lowerBound,
      rule.suppressed.upperBound,
      rule.minimumTokens, codes.address, Int32(codes.stride))
  }
}
