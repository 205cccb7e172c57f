# SPDX-License-Identifier: MIT
daemons/vncserverd_DEPS  := daemons/common daemons/cloudfiles libcloud-client libice libsession librfb libtransport libcrypto-rfb
daemons/vncserverd_PKGS  := libuv xcb xcb-damage xcb-shm xcb-xfixes xcb-randr xcb-xtest xcb-xkb xkbcommon xkbcommon-x11 \
  libsystemd inih jansson libqrencode libseccomp
daemons/vncserverd_SYSLIBS := -lpam
daemons/vncserverd_SRCS := src/display.c src/capture.c src/cursor.c src/scancode.c src/keymap.c src/spare.c \
  src/keyboard.c src/pointer.c src/input.c src/clipboard.c src/resize.c src/desktop.c src/options.c src/config.c \
  src/policy.c src/virtual.c src/auditlog.c src/older.c src/tlsfile.c src/userstore.c src/gate.c src/pammsg.c src/pamhelper.c \
  src/pam.c src/authreply.c src/authprogram.c src/codecheck.c src/entry.c src/protocol.c src/messages.c src/cloud_messages.c src/link.c \
  src/parts.c src/ring.c src/studio.c src/loans.c src/syscalls.c src/sandbox.c src/child.c src/records.c src/steady.c src/role.c \
  src/key_process.c src/session_process.c src/desktop_process.c src/viewer.c src/cloud.c src/cloud_cmd.c src/cloud_process.c src/bridge.c src/seat.c src/seatwatch.c src/helper.c \
  src/attendant.c src/notices.c src/leave.c src/sharing.c src/approval.c src/control.c src/identityfile.c \
  src/service.c src/terminal.c src/identity_cmd.c src/arguments.c src/usersedit.c src/qrcode.c src/totp_cmd.c \
  src/groups_cmd.c src/users_cmd.c src/main.c
daemons/vncserverd_TESTS := tests/test_desktop.c tests/test_keyboard.c tests/test_keymap.c
daemons/vncserverd_TEST_PKGS := xcb-render
daemons/vncserverd_UV_TESTS := tests/test_protocol.c tests/test_viewer.c tests/test_cloud.c tests/test_bridge.c tests/test_older.c tests/test_studio.c tests/test_sandbox.c tests/test_config.c tests/test_seat.c tests/test_virtual.c tests/test_authreply.c
daemons/vncserverd_MAN  := vncserverd.8.scd vncserverd.conf.5.scd vncserverd-audit.5.scd
daemons/vncserverd_UNIT := vncserverd.service.in
daemons/vncserverd_EXPOSURE := 4.0
daemons/vncserverd_CONF := vncserverd.conf fail2ban/filter-vncserverd.conf fail2ban/jail-vncserverd.conf
daemons/vncserverd_PAM  := vncserverd.pam
daemons/vncserverd_UV_FUZZERS := fuzz/fuzz_config.c fuzz/fuzz_messages.c fuzz/fuzz_authreply.c fuzz/fuzz_pammsg.c
daemons/vncserverd_SCRIPTS := tests/test_service.py
daemons/vncserverd_PROFILES := profiles/vncserverd-session.service.in=1.5 profiles/vncserverd-key.service.in=1.5 \
  profiles/vncserverd-desktop.service.in=2.0 profiles/vncserverd-cloud.service.in=1.5
