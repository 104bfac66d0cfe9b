// SPDX-License-Identifier: MIT
#if Server
/// Help texts and buckets of the server's metrics.
enum MetricNames {
  static let descriptions: [String: PrometheusRegistry.Description] = [
    "qwen3tts_build_info": .init("1, with the program's version."),
    "qwen3tts_engine_up": .init("1 while speeches are taken."),
    "qwen3tts_connections": .init("Connections that are open."),
    "qwen3tts_requests_running": .init("Speeches that sound."),
    "qwen3tts_requests_waiting": .init("Speeches that were taken and have made no sound yet."),
    "qwen3tts_slots": .init("Voices that the model's device has."),
    "qwen3tts_slots_used": .init("Voices that speak."),
    "qwen3tts_slots_waiting": .init("Parts of speeches that wait for a voice."),
    "qwen3tts_kv_used_ratio": .init(
      "Share of the pages of keys and values that is in use, 0 to 1."),
    "qwen3tts_runaway_parts_total": .init("Parts of speeches that were stuck and stopped."),
    "qwen3tts_requests_total": .init("Speeches that ended, by route and reason."),
    "qwen3tts_requests_rejected_total": .init(
      "Speeches that were not taken, by reason; invalid: the model cannot do what is asked."),
    "qwen3tts_time_to_first_audio_seconds": .init(
      "From the request to the first samples.", buckets: firstAudio),
    "qwen3tts_queue_seconds": .init("Time until a voice was free."),
    "qwen3tts_encoder_seconds": .init(
      "Time the encoder of a format took for a whole speech.",
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]),
    "qwen3tts_request_seconds": .init("From the request to the end of its speech.", buckets: whole),
    "qwen3tts_audio_seconds": .init(
      "Length of a speech.", buckets: [0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300]),
    "qwen3tts_real_time_factor": .init(
      "Time from the request to the end over the length of the speech: below 1 is faster than real time.",
      buckets: [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1, 1.5, 3]),
    "qwen3tts_chunk_interval_seconds": .init("Between two chunks of one speech."),
    "qwen3tts_underrun_seconds": .init(
      "The longest gap that a player without a buffer would have met in a speech.",
      buckets: [0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]),
    "qwen3tts_continuity_ok_total": .init("Speeches whose longest gap stayed within a threshold."),
    "qwen3tts_frames_total": .init("Codec frames of 80 ms."),
    "qwen3tts_text_tokens_total": .init("Tokens of text that were read."),
    "qwen3tts_audio_generated_seconds_total": .init("Seconds of speech."),
    "qwen3tts_runaway_stopped_total": .init("Speeches that did not end by themselves."),
    "qwen3tts_voice_cache_hits_total": .init("Recordings whose voice had been taken before."),
    "qwen3tts_voice_cache_misses_total": .init("Recordings whose voice was taken."),
    "http_server_request_duration_seconds": .init("From a request to the head of its answer."),
    "process_resident_memory_bytes": .init("Resident memory."),
    "process_open_fds": .init("Open file descriptors."),
    "process_cpu_seconds_total": .init("Processor time of user and system."),
    "vllm:time_to_first_token_seconds": .init(
      "As qwen3tts_time_to_first_audio_seconds.", buckets: firstAudio),
    "vllm:e2e_request_latency_seconds": .init("As qwen3tts_request_seconds.", buckets: whole),
    "vllm:request_success_total": .init("As qwen3tts_requests_total."),
    "vllm:kv_cache_usage_perc": .init("As qwen3tts_kv_used_ratio."),
    "vllm:num_requests_running": .init("As qwen3tts_requests_running."),
    "vllm:num_requests_waiting": .init("As qwen3tts_requests_waiting."),
  ]

  private static let firstAudio = [
    0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4, 0.8, 1.5, 3, 6,
  ]
  private static let whole: [Double] = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120]
}
#endif
