daemons/vncviewer-cli_DEPS := daemons/cloudfiles libcloud-client libice libsession librfb libtransport libcrypto-rfb
daemons/vncviewer-cli_PKGS := libuv libpng jansson pixman-1
daemons/vncviewer-cli_SYSLIBS := -lm
daemons/vncviewer-cli_SRCS := src/main.c src/app.c src/cloud.c src/ownkey.c src/options.c src/script.c src/commands.c \
src/resume.c   src/run.c src/keynames.c src/picture.c src/trust.c src/trust_older.c src/terminal.c src/paths.c src/target.c src/known.c src/record.c src/config.c src/password.c src/answers.c
daemons/vncviewer-cli_MAN := vncviewer-cli.1.scd
daemons/vncviewer-cli_TESTS := tests/test_keynames.c tests/test_script.c tests/test_picture.c tests/test_trust.c \
  tests/test_terminal.c
