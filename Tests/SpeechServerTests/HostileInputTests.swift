// SPDX-License-Identifier: MIT
import FuzzSupport
import SpeechServer
import Testing

/// Readers of what strangers send, given damaged and hostile bytes: each refuses with its own kind of
/// error and keeps its promises.
@Suite struct HostileInputTests {
  @Test func `requests for speech`() throws {
    let seeds = [
      #"{"input":"Hello.","voice":{"id":"alloy"},"response_format":"wav","speed":1.5,"seed":-1}"#,
      #"{"input":"\u00fc\ud83d\ude00","ref_audio":"data:audio/wav;base64,UklGRg==","top_k":3}"#,
      #"{"input":"a","references":[{"audio_path":"http://a/b","text":"c"}],"extra_params":{"x":[1e3]}}"#,
      #"{"input":"a","speaker_embedding":[1,2.5,-3e-2],"language":"de","stream_format":"sse"}"#,
    ].map { Array($0.utf8) }
    try Fuzzing(name: "request").run(seeds: seeds) { bytes in
      do throws(JSONParser.Problem) {
        let value = try JSONParser.parse(bytes)
        let again = try JSONParser.parse(Array(value.text.utf8))
        #expect(again == value)
        guard case .object(let members) = value else { return }
        do throws(APIError) {
          let request = try SpeechParameters(members, limits: SpeechParameters.Limits())
          #expect(!request.input.isEmpty && (0.25...4).contains(request.speed))
        } catch {
          #expect((400..<500).contains(error.status) && !error.message.isEmpty)
        }
      } catch {
        #expect((0...bytes.count).contains(error.offset))
      }
    }
  }

  @Test func forms() throws {
    let seeds = [
      "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--b--\r\n",
      "--b\r\nContent-Disposition: form-data; name=a; filename=\"a\\\"\"\r\n"
        + "Content-Type: audio/wav\r\n\r\nRIFF\r\n--b\r\n\r\n--b--",
    ].map { Array($0.utf8) }
    try Fuzzing(name: "form").run(seeds: seeds) { bytes in
      do throws(APIError) {
        let form = try MultipartForm(bytes, contentType: "multipart/form-data; boundary=b")
        #expect(form.parts.reduce(0) { $0 + $1.bytes.count } <= bytes.count)
      } catch {
        #expect(error.status == 400 && !error.message.isEmpty)
      }
    }
  }
}
