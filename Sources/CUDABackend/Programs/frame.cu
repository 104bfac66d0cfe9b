// SPDX-License-Identifier: MIT
// A frame as one kernel. This program is compiled for a model and a device: see FrameConstants.cuh.
#include "FrameStep/FrameMegakernel.cu"
#include "Programs/KernelTable.cuh"
CHECK_KERNELS(FRAME_KERNELS)
