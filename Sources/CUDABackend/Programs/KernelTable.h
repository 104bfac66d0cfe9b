// SPDX-License-Identifier: MIT
//
// Every kernel, by program, with the kinds of its parameters in order: `p` a pointer, `f` F32, `i`
// and `l` a signed integer of 32 and 64 bits, `u` an unsigned one of 32. The programs assert that
// their kernels take them (KernelTable.cuh), the host loads each kernel from its program and checks
// every launch against them, and scripts/compile-kernels says which kernel is missing or not
// listed.
//
// Endings: `_f32`, `_bf16`, `_f16` say how a weight is stored, or keys and values are cached;
// `_split` is split bf16 (Common/SplitBF16.cuh).
#pragma once

// One kernel for each element type of a weight, for each precision of the cache, for 1, 2 and 4
// rows.
#define KERNELS_BY_ELEMENT(X, name, kinds)                                                         \
  X(name##_f32, kinds) X(name##_bf16, kinds) X(name##_f16, kinds)
#define KERNELS_BY_CACHE(X, name, kinds) X(name##_f32, kinds) X(name##_bf16, kinds)
#define KERNELS_BY_ROWS(X, name, kinds) X(name##_1, kinds) X(name##_2, kinds) X(name##_4, kinds)

#define GEMM_MANY_KERNELS(X)                                                                       \
  X(gemm_many_64x8_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                       \
  X(gemm_many_64x8_split, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_32x32_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_32x32_split, "pppppppppppiiiiiiiippiiipiiippfi")                                     \
  X(gemm_many_32x48_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_64x64_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_64x64_split, "pppppppppppiiiiiiiippiiipiiippfi")                                     \
  X(gemm_many_64x16_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_64x32_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_64x48_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_96x64_bf16, "pppppppppppiiiiiiiippiiipiiippfi")                                      \
  X(gemm_many_96x128_split, "pppppppppppiiiiiiiippiiipiiippfi")                                    \
  X(gemm_step_16x8, "ppppppppiiiiif")                                                              \
  X(gemm_step_32x8, "ppppppppiiiiif")                                                              \
  X(gemm_step_48x8, "ppppppppiiiiif")                                                              \
  X(gemm_step_16x16, "ppppppppiiiiif")                                                             \
  X(gemm_step_32x16, "ppppppppiiiiif")                                                             \
  X(gemm_step_48x16, "ppppppppiiiiif")                                                             \
  X(gemm_step_16x32, "ppppppppiiiiif")                                                             \
  X(gemm_step_32x32, "ppppppppiiiiif")                                                             \
  X(gemm_step_48x32, "ppppppppiiiiif")

#define GEMM_KERNELS(X)                                                                            \
  X(gemm_64x8_bf16, "pppppppppppiiiiiiiippiii")                                                    \
  X(gemm_64x8_split, "pppppppppppiiiiiiiippiii")                                                   \
  X(gemm_32x32_bf16, "pppppppppppiiiiiiiippiii")                                                   \
  X(gemm_32x32_split, "pppppppppppiiiiiiiippiii")                                                  \
  X(gemm_32x48_bf16, "pppppppppppiiiiiiiippiii")                                                   \
  X(gemm_64x64_bf16, "pppppppppppiiiiiiiippiii")                                                   \
  X(gemm_64x64_split, "pppppppppppiiiiiiiippiii")

#define PROMPT_KERNELS(X)                                                                          \
  X(split_rows, "ppipppi")                                                                         \
  KERNELS_BY_ROWS(X, small_batch_gemv_1, "ppfpppipii")                                             \
  KERNELS_BY_ROWS(X, small_batch_gemv_2, "ppfpppipii")                                             \
  KERNELS_BY_ROWS(X, small_batch_gemv_4, "ppfpppipii")                                             \
  KERNELS_BY_ROWS(X, small_batch_swiglu_2, "ppfpppipii")                                           \
  X(rms_norm_split, "ppfpi")                                                                       \
  X(rms_gain_split, "ppppi")                                                                       \
  X(depthwise_layer_norm_split, "ppppppfpiipii")                                                   \
  X(snake_convolution, "ppppppppiiipi")                                                            \
  X(store_state, "ppipii")                                                                         \
  X(update_state, "ppiiipiii")                                                                     \
  KERNELS_BY_ELEMENT(X, pack_split, "ppiiii")                                                      \
  KERNELS_BY_ELEMENT(X, pack_taps, "ppiii")                                                        \
  KERNELS_BY_CACHE(X, qk_norm_rope_append_heads_64, "pppfppipippiiiip")                            \
  KERNELS_BY_CACHE(X, qk_norm_rope_append_heads_128, "pppfppipippiiiip")                           \
  KERNELS_BY_CACHE(X, flash_attention_64, "ppipipppiiiiiiip")                                      \
  KERNELS_BY_CACHE(X, flash_attention_128, "ppipipppiiiiiiip")

#define OPERATION_KERNELS(X)                                                                       \
  X(fill, "pllu")                                                                                  \
  X(widen_rows, "ppl")                                                                             \
  X(publish, "piiippip")                                                                           \
  X(copy, "ppl")                                                                                   \
  X(copy_slot, "plllll")                                                                           \
  X(add, "ppll")                                                                                   \
  X(add_scaled, "pppli")                                                                           \
  X(increment, "piii")                                                                             \
  X(increment_at, "pipiii")                                                                        \
  KERNELS_BY_ELEMENT(X, gather, "ppipipii")                                                        \
  KERNELS_BY_ELEMENT(X, gather_sum, "pippiiipii")                                                  \
  X(scatter_rows, "ppipii")                                                                        \
  X(gather_indices, "piipipii")                                                                    \
  X(scatter_indices, "piipipii")                                                                   \
  X(add_trailing_text, "ppipipipipii")                                                             \
  X(rms_norm, "ppfpi")                                                                             \
  X(layer_norm, "pppfpi")                                                                          \
  KERNELS_BY_ELEMENT(X, gemv_fallback_1, "ppppipiii")                                              \
  KERNELS_BY_ELEMENT(X, gemv_fallback_2, "ppppipiii")                                              \
  KERNELS_BY_ELEMENT(X, gemv_fallback_8, "ppppipiii")                                              \
  KERNELS_BY_ELEMENT(X, gemm_fallback, "ppppipiii")                                                \
  X(exact_gemm_128x64, "pppppppiiiiiii")                                                           \
  X(exact_gemm_128x32, "pppppppiiiiiii")                                                           \
  X(exact_gemm_64x64, "pppppppiiiiiii")                                                            \
  X(exact_gemm_64x32, "pppppppiiiiiii")                                                            \
  X(exact_gemm_reduce, "pppiplii")                                                                 \
  X(swiglu, "ppii")                                                                                \
  KERNELS_BY_CACHE(X, qk_norm_rope_append, "pppfppipippiiiip")                                     \
  KERNELS_BY_CACHE(X, attention, "ppipipppiiiiip")                                                 \
  X(silu, "pl")                                                                                    \
  X(gelu, "pl")                                                                                    \
  X(clamp_unit, "pl")                                                                              \
  X(activate, "ppli")                                                                              \
  X(snake, "ppppli")                                                                               \
  KERNELS_BY_ELEMENT(X, causal_convolution, "ppppppiiiiipii")                                      \
  X(convolution_reduce, "pppiiiii")                                                                \
  KERNELS_BY_ELEMENT(X, transposed_convolution, "ppppppiiiiipii")                                  \
  X(depthwise_convolution, "pppppiiipii")                                                          \
  X(statistics_pooling, "pppii")                                                                   \
  X(argmax, "ppii")                                                                                \
  X(mel_spectrogram, "pippiipi")

#define DECODE_KERNELS(X)                                                                          \
  X(gemv_norm_store_1_1, "ppfpppi")                                                                \
  X(gemv_norm_store_1_2, "ppfpppi")                                                                \
  X(gemv_norm_store_2_1, "ppfpppi")                                                                \
  X(gemv_norm_store_2_2, "ppfpppi")                                                                \
  X(gemv_norm_swiglu_1_1, "ppfpppi")                                                               \
  X(gemv_norm_swiglu_1_2, "ppfpppi")                                                               \
  X(gemv_norm_swiglu_2_1, "ppfpppi")                                                               \
  X(gemv_norm_swiglu_2_2, "ppfpppi")                                                               \
  X(gemv_store_1_1, "ppfpppi")                                                                     \
  X(gemv_store_1_2, "ppfpppi")                                                                     \
  X(gemv_store_2_1, "ppfpppi")                                                                     \
  X(gemv_store_2_2, "ppfpppi")                                                                     \
  X(gemv_add_1_1, "ppfpppi")                                                                       \
  X(gemv_add_1_2, "ppfpppi")                                                                       \
  X(gemv_add_2_1, "ppfpppi")                                                                       \
  X(gemv_add_2_2, "ppfpppi")                                                                       \
  X(gemv_add_3_1, "ppfpppi")                                                                       \
  X(gemv_add_3_2, "ppfpppi")                                                                       \
  X(gemv_add_6_1, "ppfpppi")                                                                       \
  X(gemv_merge_add_1, "pppiiippi")                                                                 \
  X(gemv_merge_add_2, "pppiiippi")                                                                 \
  KERNELS_BY_CACHE(X, decode_attention_64, "pppfppppppppiiiip")                                    \
  KERNELS_BY_CACHE(X, decode_attention_128, "pppfppppppppiiiip")                                   \
  KERNELS_BY_CACHE(X, decode_attention_pairs_64, "pppfppppppppiiiip")                              \
  KERNELS_BY_CACHE(X, decode_attention_pairs_128, "pppfppppppppiiiip")                             \
  KERNELS_BY_CACHE(X, decode_attention_split_64, "pppfppppppppiiiip")                              \
  KERNELS_BY_CACHE(X, decode_attention_split_128, "pppfppppppppiiiip")                             \
  X(pass_attention_64, "pppfppppppii")                                                             \
  X(pass_attention_128, "pppfppppppii")                                                            \
  X(sample_8, "pipippipiiiiiipi")                                                                  \
  X(sample_16, "pipippipiiiiiipi")

#define FRAME_KERNELS(X)                                                                           \
  X(frame_step, "pi")
