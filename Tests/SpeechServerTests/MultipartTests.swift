// SPDX-License-Identifier: MIT
import SpeechServer
import Testing

@Suite struct MultipartTests {
  func form(_ text: String, type: String = "multipart/form-data; boundary=x") throws(APIError)
    -> MultipartForm
  {
    try MultipartForm(Array(text.utf8), contentType: type)
  }

  @Test func `reads parts with and without file names`() throws {
    let form = try form(
      """
      --x\r\nContent-Disposition: form-data; name="name"\r\n\r\nalice\r\n\
      --x\r\ncontent-disposition: form-data; filename="a \\"b\\".wav"; name=audio_sample\r\n\
      Content-Type: audio/wav\r\n\r\nRI\r\n--FF\r\n\r\n--x--\r\n
      """)
    #expect(form.text("name") == "alice")
    let part = try #require(form["audio_sample"])
    #expect(part.fileName == "a \"b\".wav")
    #expect(part.contentType == "audio/wav")
    #expect(part.text == "RI\r\n--FF\r\n")
    #expect(form["other"] == nil)
  }

  @Test func `reads an empty part and an empty form`() throws {
    #expect(
      try form("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--x--").text("a") == "")
    #expect(try form("--x--").parts.isEmpty)
  }

  @Test(arguments: [
    "", "--y--", "--x", "--x\r\n", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nabc",
    "--x\r\n\r\nabc\r\n--x--", "--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--",
  ])
  func `refuses what is cut or has no names`(_ text: String) {
    let error = #expect(throws: APIError.self) { try form(text) }
    #expect(error?.status == 400)
  }

  @Test(arguments: [
    "", "application/json", "multipart/form-data", "multipart/form-data; boundary=",
  ])
  func `wants a form with a boundary`(_ type: String) {
    let error = #expect(throws: APIError.self) { try form("--x--", type: type) }
    #expect(error?.status == 415)
  }
}
