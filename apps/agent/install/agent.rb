# Homebrew formula of the agent of the root-cause analysis (RCA) platform. The platform serves it, with its own address
# and the checksum of its archive. The command for macOS writes it into a tap on this Mac, installs it, and lets
# `rca-agent service install` do the rest.
class RcaAgent < Formula
  desc "Root-cause analysis (RCA) agent that reports this Mac to the platform"
  homepage @PLATFORM_URL@
  url @ARCHIVE_URL@
  version @VERSION@
  sha256 @ARCHIVE_SHA256@
  license "Apache-2.0"

  depends_on arch: :arm64
  depends_on :macos

  def install
    libexec.install Dir["*"]
    # `service install` keeps the key, with which later archives of the platform must be signed.
    (bin/"rca-agent").write_env_script libexec/"bin/rca-agent", RCA_PUBLIC_KEY: @PUBLIC_KEY@
  end

  def caveats
    <<~TEXT
      The platform shows the command that makes the agent a daemon of this Mac: sudo rca-agent service install …
      It copies the agent to /opt/rca-agent. Before you uninstall the formula, run: sudo rca-agent service uninstall
    TEXT
  end

  test do
    assert_equal version.to_s, shell_output("#{bin}/rca-agent --version").strip
  end
end
