// SPDX-License-Identifier: MIT
#if Server
import Audio

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
      "security": [[:], ["bearer": []]],
      "paths": paths,
      "components": [
        "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
        "schemas": schemas,
      ],
    ]
  }

  // MARK: Paths

  private static let paths: JSONValue = [
    "/v1/audio/speech": [
      "post": operation(
        "speak", "Speaks a text; the answer is streamed as it is made.",
        body: "SpeechRequest", success: speech, errors: [400, 401, 404, 413, 415, 500, 503])
    ],
    "/v1/audio/speech/batch": [
      "post": operation(
        "speakBatch", "Speaks up to 32 texts in one answer.", body: "BatchRequest",
        success: json("Batch"), errors: [400, 401, 413, 415, 500, 503])
    ],
    "/v1/audio/speech/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation(
        "speechState", "What became of a speech of the last ten minutes, by its x-request-id.",
        success: json("SpeechState"), errors: [401, 404]),
      "delete": operation(
        "cancelSpeech", "Ends a speech.", success: json("Cancelled"), errors: [401, 404]),
    ],
    "/v1/models": [
      "get": operation(
        "models", "The models that are served.", success: json("Models"), errors: [401])
    ],
    "/v1/models/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation("model", "One model.", success: json("Model"), errors: [401, 404, 503]),
    ],
    "/v1/audio/models": [
      "get": operation("audioModels", "The models by name.", success: json("Any"), errors: [401])
    ],
    "/v1/audio/voices": [
      "get": operation("voices", "The voices there are.", success: json("Voices"), errors: [401]),
      "post": operation(
        "addVoice", "Takes a voice from a recording or an embedding; needs a Base model.",
        body: "VoiceUpload", success: json("Voice"), errors: [400, 401, 409, 413, 415, 500, 503],
        isForm: true),
    ],
    "/v1/audio/voices/{id}": [
      "parameters": [pathParameter("id")],
      "get": operation("voice", "One voice.", success: json("Voice"), errors: [401, 404]),
      "delete": operation(
        "deleteVoice", "Deletes an uploaded voice.", success: json("Any"), errors: [401, 404, 500]),
    ],
    "/v1/audio/voice_consents": [
      "get": operation("consents", "An empty list.", success: json("Any"), errors: [401]),
      "post": operation(
        "addConsent", "Accepts a consent; its label is stored with the voice.",
        success: json("Any"), errors: [401, 413]),
    ],
    "/health": ["get": health("health")], "/ready": ["get": health("ready")],
    "/health/ready": ["get": health("healthReady")],
    "/health/live": [
      "get": operation("live", "Whether the process runs.", success: json("Any"), errors: [])
    ],
    "/version": [
      "get": operation("version", "Version, models, encoders.", success: json("Any"), errors: [])
    ],
    "/metrics": [
      "get": operation(
        "metrics", "Prometheus text.",
        success: ["text/plain": ["schema": ["type": "string"]]], errors: [])
    ],
  ]

  private static func health(_ id: String) -> JSONValue {
    operation(id, "Whether a new speech would be taken.", success: json("Any"), errors: [503])
  }

  private static let speech: JSONValue = {
    var content: [String: JSONValue] = [
      "text/event-stream": ["schema": ["type": "string"]]
    ]
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

  private static func operation(
    _ id: String, _ summary: String, body: String? = nil, success: JSONValue, errors: [Int],
    isForm: Bool = false
  ) -> JSONValue {
    var responses: [String: JSONValue] = [
      "200": ["description": "Done.", "content": success]
    ]
    for status in errors {
      responses["\(status)"] = [
        "description": .string(descriptions[status] ?? ""), "content": json("Error"),
      ]
    }
    var members: [String: JSONValue] = [
      "operationId": .string(id), "summary": .string(summary), "responses": .object(responses),
    ]
    if let body {
      let type = isForm ? "multipart/form-data" : "application/json"
      members["requestBody"] = [
        "required": true, "content": .object([type: ["schema": reference(body)]]),
      ]
    }
    return .object(members)
  }

  private static let descriptions = [
    400: "A member cannot be used; `param` names it.", 401: "A key is missing or wrong.",
    404: "There is none of this name.", 409: "There is one of this name.",
    413: "The body is larger than this server's limit.",
    415: "The body has another type.", 500: "The server failed.",
    503: "Starting, full or shutting down; see Retry-After.",
  ]

  // MARK: Schemas

  private static let schemas: JSONValue = [
    "Any": ["type": "object"],
    "Error": [
      "type": "object",
      "properties": [
        "error": [
          "type": "object", "required": ["message", "type", "param", "code"],
          "properties": [
            "message": ["type": "string"], "type": ["type": "string"],
            "param": ["type": ["string", "null"]], "code": ["type": ["string", "null"]],
          ],
        ]
      ],
    ],
    "SpeechRequest": [
      "type": "object", "required": ["input"], "properties": speechMembers,
    ],
    "BatchRequest": [
      "type": "object", "required": ["items"],
      "properties": [
        "items": [
          "type": "array", "minItems": 1, "maxItems": 32, "items": reference("SpeechRequest"),
        ]
      ],
    ],
    "Batch": [
      "type": "object", "required": ["id", "results", "total", "succeeded", "failed"],
      "properties": [
        "id": ["type": "string"], "results": ["type": "array", "items": ["type": "object"]],
        "total": ["type": "integer"], "succeeded": ["type": "integer"],
        "failed": ["type": "integer"],
      ],
    ],
    "SpeechState": [
      "type": "object", "required": ["request_id", "finish_reason", "usage", "audio_seconds"],
      "properties": [
        "request_id": ["type": "string"], "finish_reason": ["type": ["string", "null"]],
        "usage": ["type": ["object", "null"]], "audio_seconds": ["type": ["number", "null"]],
      ],
    ],
    "Cancelled": [
      "type": "object",
      "properties": ["request_id": ["type": "string"], "cancelled": ["type": "boolean"]],
    ],
    "Model": [
      "type": "object", "required": ["id", "object", "created", "owned_by"],
      "properties": [
        "id": ["type": "string"], "object": ["const": "model"], "created": ["type": "integer"],
        "owned_by": ["type": "string"],
      ],
    ],
    "Models": [
      "type": "object", "required": ["object", "data"],
      "properties": [
        "object": ["const": "list"], "data": ["type": "array", "items": reference("Model")],
      ],
    ],
    "Voice": [
      "type": "object", "required": ["id", "name", "object", "type"],
      "properties": [
        "id": ["type": "string"], "name": ["type": "string"], "object": ["const": "audio.voice"],
        "type": ["enum": ["preset", "audio_sample", "embedding", "prompt"]],
        "languages": ["type": "array", "items": ["type": "string"]],
        "description": ["type": "string"], "created_at": ["type": "integer"],
      ],
    ],
    "Voices": [
      "type": "object",
      "properties": [
        "object": ["const": "list"], "data": ["type": "array", "items": reference("Voice")],
        "voices": ["type": "array"],
        "uploaded_voices": ["type": "array", "items": ["type": "object"]],
      ],
    ],
    "VoiceUpload": [
      "type": "object", "required": ["name"],
      "properties": [
        "name": ["type": "string", "minLength": 1, "maxLength": 64],
        "audio_sample": ["type": "string", "format": "binary"],
        "speaker_embedding": ["type": "string", "description": "A JSON array of numbers."],
        "ref_text": ["type": "string"], "speaker_description": ["type": "string"],
        "consent": ["type": "string"], "language": ["type": "string"],
        "overwrite": ["type": "string", "enum": ["true", "false"]],
      ],
    ],
  ]

  private static let speechMembers: JSONValue = [
    "input": ["type": "string", "minLength": 1],
    "model": ["type": "string"],
    "voice": [
      "oneOf": [
        ["type": "string"],
        ["type": "object", "required": ["id"], "properties": ["id": ["type": "string"]]],
      ]
    ],
    "instructions": ["type": "string"],
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
      "type": "integer", "enum": [8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000],
    ],
    "language": ["type": "string"],
    "normalize": ["type": "string", "enum": ["auto", "on", "off"]],
    "seed": ["type": "integer"],
    "temperature": ["type": "number", "minimum": 0, "maximum": 100],
    "top_p": ["type": "number", "exclusiveMinimum": 0, "maximum": 1],
    "top_k": ["type": "integer", "minimum": -1, "maximum": 1_000_000],
    "repetition_penalty": ["type": "number", "exclusiveMinimum": 0, "maximum": 100],
    "max_new_tokens": ["type": "integer", "minimum": 1],
    "non_streaming_mode": ["type": "boolean"],
    "initial_codec_chunk_frames": ["type": "integer", "minimum": 0, "maximum": 128],
    "chunk_frames": ["type": "integer", "minimum": 1, "maximum": 128],
    "ref_audio": ["type": "string"], "ref_text": ["type": "string"],
    "x_vector_only_mode": ["type": "boolean"],
    "speaker_embedding": ["type": "array", "items": ["type": "number"]],
    "extra_params": ["type": "object"],
  ]
}
#endif
