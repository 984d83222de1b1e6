"""Layers over skeleton graphs, spiking and real-valued."""

from sgnkit.nn.block import SpikingBlock
from sgnkit.nn.conv.adaptive_graph_conv import AdaptiveGraphConv
from sgnkit.nn.conv.adjacency import Adjacency
from sgnkit.nn.conv.channel_refined_graph_conv import ChannelRefinedGraphConv
from sgnkit.nn.conv.partitioned_graph_conv import PartitionedGraphConv
from sgnkit.nn.conv.sa_sgc import SASGC
from sgnkit.nn.conv.spiking_conv import SpikingConv
from sgnkit.nn.conv.spiking_graph_conv import SpikingGraphConv
from sgnkit.nn.conv.spiking_message_passing import SpikingMessagePassing
from sgnkit.nn.conv.spiking_self_attention import SpikingSelfAttention
from sgnkit.nn.encode.spiking_encoder import SpikingEncoder
from sgnkit.nn.fusion.mutual_information import mutual_information
from sgnkit.nn.fusion.spiking_multimodal_fusion import SpikingMultimodalFusion
from sgnkit.nn.graph import SkeletonGraph
from sgnkit.nn.graph_block import GraphBlock
from sgnkit.nn.joint_norm import JointNorm
from sgnkit.nn.neuron import LIF, PLIF, LeakyIntegrator, compile_neurons
from sgnkit.nn.norm import BatchNorm
from sgnkit.nn.readout.readout import Readout
from sgnkit.nn.shortcut import SpikingShortcut
from sgnkit.nn.step import step
from sgnkit.nn.step_frame import step_frame
from sgnkit.nn.synchronize import synchronize
from sgnkit.nn.temporal.multi_scale_temporal_conv import MultiScaleTemporalConv
from sgnkit.nn.temporal.stc import STC
from sgnkit.nn.temporal.temporal_conv import TemporalConv

__all__ = [
    "LIF",
    "PLIF",
    "SASGC",
    "STC",
    "AdaptiveGraphConv",
    "Adjacency",
    "BatchNorm",
    "ChannelRefinedGraphConv",
    "GraphBlock",
    "JointNorm",
    "LeakyIntegrator",
    "MultiScaleTemporalConv",
    "PartitionedGraphConv",
    "Readout",
    "SkeletonGraph",
    "SpikingBlock",
    "SpikingConv",
    "SpikingEncoder",
    "SpikingGraphConv",
    "SpikingMessagePassing",
    "SpikingMultimodalFusion",
    "SpikingSelfAttention",
    "SpikingShortcut",
    "TemporalConv",
    "compile_neurons",
    "mutual_information",
    "step",
    "step_frame",
    "synchronize",
]
