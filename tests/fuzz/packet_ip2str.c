// SPDX-License-Identifier: GPL-2.0-or-later
/* IP2STR under a name of its own, to be linked with other plugins. */
#define ulogd_plugin plugin_ip2str
#include "ulogd_filter_IP2STR.c"
