// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// The description of the interface at `/openapi.json`, OpenAPI 3.1.
enum OpenAPIDocument {
  static func value(version: String) -> JSONValue {
    [
      "openapi": "3.1.0",
      "info": [
        "title": "qwen3-tts", "version": .string(version),
        "description": "Speech by Qwen3-TTS, through OpenAI's interface and its extensions.",
        "license": ["name": "MIT", "identifier": "MIT"],
      ],
      "paths": .object(paths.mapValues { .object($0) }),
      "components": [
        "securitySchemes": [
          "bearer": [
            "type": "http", "scheme": "bearer",
            "description": "Only where the server was started with --api-key.",
          ]
        ],
        "schemas": schemas,
      ],
    ]
  }

  /// The methods of a path; none for one that is not in the document.
  static func methods(at path: String) -> [String] {
    let parts = path.split(separator: "/")
    let pattern = paths.keys.first { pattern in
      let expected = pattern.split(separator: "/")
      return expected.count == parts.count
        && zip(expected, parts).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
    }
    // A path by its name comes before a pattern that it happens to meet.
    let operations = paths[path] ?? pattern.flatMap { paths[$0] } ?? [:]
    let names = operations.keys.filter { $0 != "parameters" }.map { $0.uppercased() }
    return (names + (names.contains("GET") ? ["HEAD"] : [])).sorted()
  }

  // MARK: Paths

  private static let paths: [String: [String: JSONValue]] = [
    "/v1/audio/speech": [
      "post": operation(
        "speak", "Speaks a text; the answer is streamed as it is made.",
        body: json("SpeechRequest"), success: speech,
        errors: [400, 404, 413, 415, 429, 500, 503])
    ],
    "/v1/audio/speech/batch": [
      "post": operation(
        "speakBatch", "Speaks up to 32 texts in one answer.", body: json("BatchRequest"),
        success: json("Batch"), errors: [400, 413, 415, 500, 503])
    ],
    "/v1/audio/speech/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation(
        "speechState", "What became of a speech of the last ten minutes, by its x-request-id.",
        success: json("SpeechState"), errors: [404]),
      "delete": operation(
        "cancelSpeech", "Ends a speech.", success: json("Cancelled"), errors: [404]),
    ],
    "/v1/audio/speech/stream": [
      "get": socket(
        "speechStream", "A WebSocket as vLLM-Omni's: texts in, each spoken while it is written.")
    ],
    "/v1/audio/speech/ws": [
      "get": socket("speechSocket", "A WebSocket with the subprotocol nari.speech.v1.")
    ],
    "/v1/realtime": [
      "get": socket("realtime", "The part of OpenAI's Realtime socket that speaks texts.")
    ],
    "/api-ws/v1/realtime": ["get": socket("dashScopeRealtime", "The same, as DashScope's.")],
    "/v1/text-to-speech/{voice}": elevenLabsSpeech("", speech),
    "/v1/text-to-speech/{voice}/stream": elevenLabsSpeech("Stream", speech),
    "/v1/text-to-speech/{voice}/with-timestamps": elevenLabsSpeech("Timed", json("Timed")),
    "/v1/text-to-speech/{voice}/stream/with-timestamps": elevenLabsSpeech(
      "TimedStream", json("Timed")),
    "/v1/text-to-speech/{voice}/stream-input": [
      "parameters": [pathParameter("voice")],
      "get": socket("elevenLabsInput", "A WebSocket as ElevenLabs': text in pieces, one speech."),
    ],
    "/v1/text-to-speech/{voice}/multi-stream-input": [
      "parameters": [pathParameter("voice")],
      "get": socket("elevenLabsContexts", "The same with several contexts at a time."),
    ],
    "/v1/voices": [
      "get": operation(
        "elevenLabsVoices", "The voices, as ElevenLabs.", success: json("Any"),
        failures: elevenLabsErrors([]))
    ],
    "/v2/voices": [
      "get": operation(
        "elevenLabsPage", "The voices, as ElevenLabs.", success: json("Any"),
        failures: elevenLabsErrors([]))
    ],
    "/v1/voices/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation(
        "elevenLabsVoice", "One voice, as ElevenLabs.", success: json("Any"),
        failures: elevenLabsErrors([404])),
    ],
    "/v1/voices/add": [
      "post": operation(
        "elevenLabsAddVoice", "Takes a voice from a recording, as ElevenLabs.",
        body: ["multipart/form-data": ["schema": reference("VoiceForm")]], success: json("Any"),
        failures: elevenLabsErrors([400, 409, 413, 415, 500, 503]))
    ],
    "/v1/user": [
      "get": operation(
        "elevenLabsUser", "A constant.", success: json("Any"), failures: elevenLabsErrors([]))
    ],
    "/v1/user/subscription": [
      "get": operation(
        "elevenLabsSubscription", "A constant.", success: json("Any"),
        failures: elevenLabsErrors([]))
    ],
    "/v1/models": [
      "get": operation("models", "The models that are served.", success: json("Models"))
    ],
    "/v1/models/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation("model", "One model.", success: json("Model"), errors: [404, 503]),
    ],
    "/v1/audio/models": [
      "get": operation("audioModels", "The models by name.", success: json("Names"))
    ],
    "/v1/audio/voices": [
      "get": operation(
        "voices", "The voices there are.", success: json("Voices"),
        parameters: [
          queryParameter(
            "names_only", ["true"], "Only `uploaded_voice_names`: the names of uploaded voices."),
          queryParameter("format", ["names"], "`voices` has names instead of objects."),
        ]),
      "post": operation(
        "addVoice",
        "Takes a voice from a recording, an embedding or a description; needs a Base model, and for "
          + "descriptions a VoiceDesign model.",
        body: [
          "multipart/form-data": ["schema": reference("VoiceForm")],
          "application/json": ["schema": reference("VoiceObject")],
        ], success: json("Voice"), errors: [400, 409, 413, 415, 500, 503]),
    ],
    "/v1/audio/voices/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation("voice", "One voice.", success: json("Voice"), errors: [404]),
      "delete": operation(
        "deleteVoice", "Deletes an uploaded voice.", success: json("Deleted"), errors: [404, 500]),
    ],
    "/v1/audio/voice_consents": [
      "get": operation("consents", "The consents that were stored.", success: json("Consents")),
      "post": operation(
        "addConsent", "Stores the label of a consent; it is not verified.",
        body: ["multipart/form-data": ["schema": reference("ConsentForm")]],
        success: json("Consent"), errors: [400, 413, 415, 500]),
    ],
    "/health": ["get": health("health")], "/ready": ["get": health("ready")],
    "/health/ready": ["get": health("healthReady")],
    "/health/live": [
      "get": operation(
        "live", "Whether the process can continue as it is.", success: json("Health"),
        failure: ("503", json("Health")))
    ],
    "/version": [
      "get": operation("version", "Version, models, formats.", success: json("Version"))
    ],
    "/metrics": [
      "get": operation(
        "metrics", "Prometheus text.",
        success: ["text/plain": ["schema": ["type": "string"]]])
    ],
    "/openapi.json": [
      "get": operation("document", "This document.", success: json("Any"))
    ],
    "/": [
      "get": operation(
        "page", "A page to try the server.",
        success: ["text/html": ["schema": ["type": "string"]]])
    ],
  ]

  private static func health(_ id: String) -> JSONValue {
    operation(
      id, "Whether a new speech would be taken.", success: json("Health"),
      failure: ("503", json("Health")))
  }

  /// A route that is a WebSocket.
  private static func socket(_ id: String, _ summary: String) -> JSONValue {
    .object([
      "operationId": .string(id), "summary": .string(summary), "security": [[:], ["bearer": []]],
      "responses": [
        "101": ["description": "The connection is a WebSocket."],
        "default": ["description": "It is not, for this reason.", "content": json("Any")],
      ],
    ])
  }

  /// Errors as ElevenLabs has them.
  private static func elevenLabsErrors(_ statuses: [Int]) -> [String: JSONValue] {
    Dictionary((statuses + [401]).map { ("\($0)", json("Detail")) }) { $1 }
  }

  private static func elevenLabsSpeech(
    _ id: String, _ success: JSONValue
  ) -> [String: JSONValue] {
    [
      "parameters": [pathParameter("voice")],
      "post": operation(
        "elevenLabsSpeak\(id)", "Speaks a text, as ElevenLabs.", body: json("TextToSpeech"),
        success: success, failures: elevenLabsErrors([400, 404, 413, 422, 429, 500, 503])),
    ]
  }

  private static let speech: JSONValue = {
    var content: [String: JSONValue] = ["text/event-stream": ["schema": ["type": "string"]]]
    for format in AudioFormat.allCases {
      content[format.contentType] = ["schema": ["type": "string", "format": "binary"]]
    }
    return .object(content)
  }()

  private static func json(_ schema: String) -> JSONValue {
    ["application/json": ["schema": reference(schema)]]
  }

  private static func reference(_ schema: String) -> JSONValue {
    ["$ref": .string("#/components/schemas/\(schema)")]
  }

  private static func pathParameter(_ name: String) -> JSONValue {
    ["name": .string(name), "in": "path", "required": true, "schema": ["type": "string"]]
  }

  private static func queryParameter(
    _ name: String, _ values: [String], _ description: String
  ) -> JSONValue {
    [
      "name": .string(name), "in": "query", "description": .string(description),
      "schema": ["type": "string", "enum": .array(values.map { .string($0) })],
    ]
  }

  /// - Parameters:
  ///   - errors: Statuses with a body in OpenAI's shape; 401 and 403 are added below `/v1`.
  ///   - failure: A status with another body.
  ///   - failures: Statuses with bodies of another shape.
  private static func operation(
    _ id: String, _ summary: String, body: JSONValue? = nil, success: JSONValue,
    errors: [Int]? = nil, failure: (String, JSONValue)? = nil,
    failures: [String: JSONValue] = [:], parameters: [JSONValue] = []
  ) -> JSONValue {
    var responses: [String: JSONValue] = [
      "200": ["description": "Done.", "content": success]
    ]
    for status in (errors ?? []) + [401, 403] {
      responses["\(status)"] = [
        "description": .string(descriptions[status] ?? ""), "content": json("Error"),
      ]
    }
    if let (status, content) = failure {
      responses[status] = ["description": "It is not.", "content": content]
    }
    for (status, content) in failures {
      responses[status] = ["description": "See `detail`.", "content": content]
    }
    var members: [String: JSONValue] = [
      "operationId": .string(id), "summary": .string(summary), "responses": .object(responses),
      "security": [[:], ["bearer": []]],
    ]
    if !parameters.isEmpty { members["parameters"] = .array(parameters) }
    if let body { members["requestBody"] = ["required": true, "content": body] }
    return .object(members)
  }

  private static let descriptions = [
    400: "A member cannot be used; `param` names it.", 401: "A key is missing or wrong.",
    403: "The page that asks is of an origin that is not allowed.",
    404: "There is none of this name.", 409: "There is one of this name.",
    413: "The body is larger than this server's limit.",
    415: "The body has another type.", 429: "The key has too many speeches.",
    500: "The server failed.", 503: "Starting, full or shutting down; see Retry-After.",
  ]

  // MARK: Schemas

  /// An object with these members, all of which are there.
  private static func object(_ members: [String: JSONValue]) -> JSONValue {
    [
      "type": "object", "properties": .object(members),
      "required": .array(members.keys.sorted().map { .string($0) }),
    ]
  }

  private static func array(of items: JSONValue) -> JSONValue { ["type": "array", "items": items] }

  private static let string: JSONValue = ["type": "string"]
  private static let integer: JSONValue = ["type": "integer"]
  private static let optionalString: JSONValue = ["type": ["string", "null"]]
  private static let base64: JSONValue = ["type": "string", "contentEncoding": "base64"]

  private static let schemas: JSONValue = [
    "Any": ["type": "object"],
    "Error": object([
      "error": object([
        "message": string, "type": string, "param": optionalString, "code": optionalString,
      ])
    ]),
    "Detail": object(["detail": [:]]),
    "TextToSpeech": [
      "type": "object", "required": ["text"],
      "properties": [
        "text": ["type": "string", "minLength": 1], "model_id": string, "language_code": string,
        "seed": ["type": "integer", "minimum": 0, "maximum": 4_294_967_295],
        "apply_text_normalization": ["type": "string", "enum": ["auto", "on", "off"]],
        "voice_settings": ["type": ["object", "null"]],
      ],
    ],
    "Timed": object([
      "audio_base64": string, "alignment": ["type": ["object", "null"]],
      "normalized_alignment": ["type": ["object", "null"]],
    ]),
    "SpeechRequest": [
      "type": "object", "required": ["input"], "properties": .object(speechMembers),
    ],
    "BatchRequest": [
      "type": "object", "required": ["items"],
      "properties": .object(
        speechMembers.merging([
          "items": [
            "type": "array", "minItems": 1, "maxItems": 32, "items": reference("SpeechRequest"),
          ]
        ]) { $1 }),
    ],
    "Batch": object([
      "id": string, "total": integer, "succeeded": integer, "failed": integer,
      "results": array(
        of: object([
          "index": integer, "status": ["enum": ["success", "error"]],
          "audio_data": optionalString, "media_type": optionalString,
          "finish_reason": optionalString, "error": ["type": ["object", "null"]],
          "usage": ["type": ["object", "null"]], "timestamps": ["type": ["array", "null"]],
        ])),
    ]),
    "SpeechState": object([
      "request_id": string, "finish_reason": optionalString, "usage": ["type": ["object", "null"]],
      "audio_seconds": ["type": ["number", "null"]],
      "first_audio_seconds": ["type": ["number", "null"]],
    ]),
    "Cancelled": object(["request_id": string, "cancelled": ["type": "boolean"]]),
    "Model": object([
      "id": string, "object": ["const": "model"], "created": integer, "owned_by": string,
      "kind": ["enum": .array(ModelKind.allCases.map { .string($0.rawValue) })],
    ]),
    "Models": object(["object": ["const": "list"], "data": array(of: reference("Model"))]),
    "Names": object(["models": array(of: object(["id": string, "name": string]))]),
    "Voice": [
      "type": "object", "required": ["id", "name", "object", "type"],
      "properties": [
        "id": string, "name": string, "object": ["const": "audio.voice"],
        "type": ["enum": ["preset", "audio_sample", "embedding", "prompt"]],
        "languages": array(of: string), "description": string, "created_at": integer,
        "prompt": string, "success": ["const": true], "voice": ["type": "object"],
        "notices": array(of: string),
      ],
    ],
    "Voices": [
      "oneOf": [
        object([
          "object": ["const": "list"], "data": array(of: reference("Voice")),
          "voices": array(of: ["anyOf": [reference("Voice"), string]]),
          "uploaded_voices": array(of: ["type": "object"]),
        ]), object(["uploaded_voice_names": array(of: string)]),
      ]
    ],
    "Deleted": object([
      "id": string, "object": ["const": "audio.voice.deleted"], "deleted": ["const": true],
      "success": ["const": true], "message": string,
    ]),
    "VoiceForm": voice(
      recording: ["audio_sample": ["type": "string", "format": "binary"]],
      embedding: ["type": "string", "description": "A JSON array of numbers."],
      overwrite: ["type": "string", "enum": ["true", "false"]]),
    "VoiceObject": voice(
      recording: ["audio_base64": base64, "spk_b64": base64, "rvq_b64": base64],
      embedding: array(of: ["type": "number"]), overwrite: ["type": "boolean"]),
    "Consent": object([
      "id": string, "object": ["const": "audio.voice_consent"], "name": string,
      "language": optionalString, "created_at": integer,
    ]),
    "Consents": object(["object": ["const": "list"], "data": array(of: reference("Consent"))]),
    "ConsentForm": [
      "type": "object", "required": ["name"],
      "properties": [
        "name": ["type": "string", "minLength": 1, "maxLength": 200], "language": string,
      ],
    ],
    "Health": object([
      "status": ["enum": ["ok", "starting", "draining", "overloaded", "unhealthy"]]
    ]),
    "Version": object([
      "version": string, "models": array(of: string),
      "formats": ["type": "object", "additionalProperties": ["type": "boolean"]],
    ]),
  ]

  private static func voice(
    recording: [String: JSONValue], embedding: JSONValue, overwrite: JSONValue
  ) -> JSONValue {
    let members: [String: JSONValue] = [
      "name": ["type": "string", "minLength": 1, "maxLength": 64],
      "speaker_embedding": embedding, "prompt": string, "script_hint": string,
      "model": string, "ref_text": string, "speaker_description": string, "consent": string,
      "language": string, "overwrite": overwrite, "type": string,
    ]
    return [
      "type": "object", "required": ["name"],
      "properties": .object(members.merging(recording) { $1 }),
    ]
  }

  private static let speechMembers: [String: JSONValue] = [
    "input": ["type": "string", "minLength": 1],
    "model": string,
    "voice": ["oneOf": [string, object(["id": string])]],
    "instructions": string,
    "response_format": [
      "type": "string", "default": "mp3",
      "enum": .array(AudioFormat.allCases.map { .string($0.rawValue) }),
    ],
    "speed": [
      "type": "number", "minimum": .number(TimeStretch.speeds.lowerBound),
      "maximum": .number(TimeStretch.speeds.upperBound), "default": 1,
    ],
    "stream_format": ["type": "string", "enum": ["audio", "sse"], "default": "audio"],
    "stream": ["type": "boolean"],
    "sample_rate": [
      "type": "integer", "description": "What a format can have depends on it.",
      "enum": [8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000],
    ],
    "task_type": [
      "type": "string", "enum": .array(ModelKind.allCases.map { .string($0.rawValue) }),
    ],
    "language": string,
    "normalize": ["type": "string", "enum": ["auto", "on", "off"]],
    "seed": ["type": "integer"],
    "temperature": ["type": "number", "minimum": 0, "maximum": 100],
    "top_p": ["type": "number", "exclusiveMinimum": 0, "maximum": 1],
    "top_k": ["type": "integer", "minimum": -1, "maximum": 1_000_000],
    "repetition_penalty": ["type": "number", "exclusiveMinimum": 0, "maximum": 100],
    "do_sample": ["type": "boolean"],
    "max_new_tokens": [
      "type": "integer", "minimum": 1, "description": "Frames of 80 ms.",
    ],
    "non_streaming_mode": ["type": "boolean"],
    "word_timestamps": [
      "type": "boolean", "description": "Says when each word is heard.", "default": false,
    ],
    "initial_codec_chunk_frames": ["type": "integer", "minimum": 0, "maximum": 128],
    "first_chunk_frames": ["type": "integer", "minimum": 0, "maximum": 128],
    "chunk_frames": ["type": "integer", "minimum": 1, "maximum": 128],
    "ref_audio": [
      "type": "string", "description": "Base64, a data URI, or an address where that is allowed.",
    ],
    "ref_text": string,
    "references": ["type": "array", "minItems": 1, "maxItems": 1, "items": ["type": "object"]],
    "x_vector_only_mode": ["type": "boolean"],
    "speaker_embedding": array(of: ["type": "number"]),
    "extra_params": ["type": "object"],
  ]
}
#endif
