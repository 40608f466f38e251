// SPDX-License-Identifier: GPL-2.0-or-later
/* PRINTPKT under a name of its own, to be linked with other plugins. */
#define ulogd_plugin plugin_printpkt
#include "ulogd_filter_PRINTPKT.c"
