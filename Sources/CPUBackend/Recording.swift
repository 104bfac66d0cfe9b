// SPDX-License-Identifier: MIT

import SpeechModel

/// Nothing: bodies run operation by operation, at once.
package final class CPURecording: BackendRecording {
  package init() {}
}
