// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func sample(
    _ logits: CUDATensor, rule: SamplingRule, state: SamplingState<CUDABackend>,
    into codes: CUDAIndices
  ) throws(CUDAError) {
    precondition(
      state.settings.stride == 1 && state.frame.stride == 1 && state.seen.stride == 1
        && 12 * logits.columns <= 48 << 10, "scores fit shared memory")
    try launch(
      "sample", grid: CUDAGrid(logits.rows), block: 1024, sharedBytes: 12 * logits.columns,
      logits.address, Int32(logits.columns), state.settings.address, Int32(SamplingWord.count),
      state.frame.address, state.seen.address, Int32(state.vocabularySize), Int32(rule.codebook),
      rule.endToken ?? -1, rule.suppressed.lowerBound, rule.suppressed.upperBound,
      rule.minimumTokens, codes.address, Int32(codes.stride))
  }
}
