# Finds Python 3.11 or newer and hands over to scripts/bootstrap.py (twin of ./ats).
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
foreach ($candidate in @($env:ATS_PYTHON, "python3.13", "python3.12", "python3.11", "python3", "python")) {
    if (-not $candidate) { continue }
    if (-not (Get-Command $candidate -ErrorAction SilentlyContinue)) { continue }
    & $candidate -c "import sys; sys.exit(sys.version_info < (3, 11))"
    if ($LASTEXITCODE -eq 0) {
        & $candidate (Join-Path $here "scripts/bootstrap.py") @args
        exit $LASTEXITCODE
    }
}
Write-Error "ats: Python 3.11 or newer is needed and was not found; install it or set ATS_PYTHON"
exit 1
