# SPDX-License-Identifier: Apache-2.0
"""Whose private attributes have names in Orthanc's answers.

Orthanc names those that DCMTK's dictionary lists. pydicom's knows three times as many creators;
scripts that look for "Unknown Tag & Data" must not find other names instead.
"""

# fmt: off
NAMED_CREATORS = frozenset((
    "1.2.840.113681", "1.2.840.113708.794.1.1.2.0", "ACUSON", "AEGIS_DICOM_2.00", "AGFA",
    "AGFA PACS Archive Mirroring 1.0", "CAMTRONICS", "CAMTRONICS IP", "CARDIO-D.R. 1.0",
    "DIDI TO PCR 1.1", "DIGISCAN IMAGE", "DLX_EXAMS_01", "DLX_PATNT_01", "DLX_SERIE_01",
    "ELSCINT1", "FDMS 1.0", "FFP DATA", "GE ??? From Adantage Review CS", "GEMS_ACQU_01",
    "GEMS_ACRQA_1.0 BLOCK1", "GEMS_ACRQA_1.0 BLOCK2", "GEMS_ACRQA_1.0 BLOCK3",
    "GEMS_ACRQA_2.0 BLOCK1", "GEMS_ACRQA_2.0 BLOCK2", "GEMS_ACRQA_2.0 BLOCK3", "GEMS_ADWSoft_3D1",
    "GEMS_ADWSoft_DPO", "GEMS_CTHD_01", "GEMS_DRS_1", "GEMS_GENIE_1", "GEMS_GNHD_01",
    "GEMS_IDEN_01", "GEMS_IMAG_01", "GEMS_IMPS_01", "GEMS_PARM_01", "GEMS_PATI_01",
    "GEMS_RELA_01", "GEMS_SENO_02", "GEMS_SERS_01", "GEMS_STDY_01",
    "GEMS_Ultrasound_MovieGroup_001", "GEMS_YMHD_01", "GE_GENESIS_REV3.0", "INTEGRIS 1.0",
    "INTELERAD MEDICAL SYSTEMS", "ISG shadow", "ISI", "MERGE TECHNOLOGIES, INC.", "PAPYRUS",
    "PAPYRUS 3.0", "PHILIPS MR", "PHILIPS MR R5.5/PART", "PHILIPS MR R5.6/PART",
    "PHILIPS MR SPECTRO;1", "PHILIPS MR/LAST", "PHILIPS MR/PART", "PHILIPS-MR-1",
    "Philips Imaging DD 001", "Philips MR Imaging DD 001", "Philips MR Imaging DD 005",
    "Picker NM Private Group", "SIEMENS CM VA0  ACQU", "SIEMENS CM VA0  CMS",
    "SIEMENS CM VA0  LAB", "SIEMENS CSA HEADER", "SIEMENS CSA NON-IMAGE", "SIEMENS CT VA0  COAD",
    "SIEMENS CT VA0  GEN", "SIEMENS CT VA0  IDE", "SIEMENS CT VA0  ORI", "SIEMENS CT VA0  OST",
    "SIEMENS CT VA0  RAW", "SIEMENS DICOM", "SIEMENS DLR.01", "SIEMENS ISI", "SIEMENS MED",
    "SIEMENS MED DISPLAY", "SIEMENS MED HG", "SIEMENS MED MG", "SIEMENS MEDCOM HEADER",
    "SIEMENS MEDCOM HEADER2", "SIEMENS MEDCOM OOG", "SIEMENS MR VA0  COAD", "SIEMENS MR VA0  GEN",
    "SIEMENS MR VA0  RAW", "SIEMENS NUMARIS II", "SIEMENS RA GEN", "SIEMENS RA PLANE A",
    "SIEMENS RA PLANE B", "SIEMENS RIS", "SIEMENS SMS-AX  ACQ 1.0",
    "SIEMENS SMS-AX  ORIGINAL IMAGE INFO 1.0", "SIEMENS SMS-AX  QUANT 1.0",
    "SIEMENS SMS-AX  VIEW 1.0", "SIENET", "SPI", "SPI RELEASE 1", "SPI Release 1",
    "SPI-P Release 1", "SPI-P Release 1;1", "SPI-P Release 1;2", "SPI-P Release 1;3",
    "SPI-P Release 2;1", "SPI-P-GV-CT Release 1", "SPI-P-PCR Release 2",
    "SPI-P-Private-CWS Release 1", "SPI-P-Private-DCI Release 1", "SPI-P-Private_CDS Release 1",
    "SPI-P-Private_ICS Release 1", "SPI-P-Private_ICS Release 1;1",
    "SPI-P-Private_ICS Release 1;2", "SPI-P-Private_ICS Release 1;3",
    "SPI-P-Private_ICS Release 1;4", "SPI-P-Private_ICS Release 1;5", "SPI-P-XSB-DCI Release 1",
    "SVISION", "Silhouette Annot V1.0", "Silhouette Graphics Export V1.0", "Silhouette Line V1.0",
    "Silhouette ROI V1.0", "Silhouette Sequence Ids V1.0", "Silhouette V1.0", "TOSHIBA_MEC_1.0",
    "TOSHIBA_MEC_CT_1.0",
))
# fmt: on
"""The creators of pydicom's private dictionary that DCMTK 3.6.7 has too."""
