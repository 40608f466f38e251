// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's line, the part of PRINTPKT that is in a file of its own. */
#include "printpkt_kernel.c"
